/* Grouping of weights, once for a program that is opened; see cx_grouped.h. */
#define CX_BYTE_PANEL
#include "cx_grouped_plan.h"

size_t CX_OF_LEVEL(cx_grouped_weights_bytes_)(const cx_conv *d) {
  const cx_grouped_plan p = cx_grouped_plan_of(d);
  cx_grouped_weights w;
  return cx_grouped_weights_of(&p, NULL, &w);
}

#if CX_SATURATING_PRODUCTS

/* Sums of positive and of negative weights of both pairs of a quad, or of a group, in four fields of 16 bits. */
typedef uint64_t cx_bounds;
#define CX_BOUND 128
/* Quads of a sweep after splitting, at most. */
#define CX_MOST_ITEMS (2 * CX_GROUPED_SWEEP)

/* Whether every field is at most CX_BOUND. */
CX_INLINE int cx_is_within(cx_bounds b) {
  const uint64_t field = 0x0001000100010001u;
  return ((b + field * (0x7fff - CX_BOUND)) & field * 0x8000u) == 0;
}

CX_INLINE cx_bounds cx_bounds_of(const int8_t *quad) {
  cx_bounds b = 0;
  for (int i = 0; i < 4; i++) {
    const int shift = i / 2 * 32 + (quad[i] < 0 ? 16 : 0);
    b += (cx_bounds)(uint16_t)(quad[i] < 0 ? -quad[i] : quad[i]) << shift;
  }
  return b;
}

typedef struct cx_item {
  cx_bounds bounds;
  int32_t word;
  uint8_t quad, largest;
} cx_item;

CX_INLINE cx_item cx_item_of(const int8_t *quad, int32_t place) {
  cx_item item = {.bounds = cx_bounds_of(quad), .word = cx_word(quad), .quad = (uint8_t)place};
  for (int f = 0; f < 4; f++) item.largest = (uint8_t)cx_max(item.largest, (int32_t)(item.bounds >> 16 * f & 0xffff));
  return item;
}

/*
 * Moves from `quad` to `rest` what its pairs are above the bound, from the larger weight: a pair of one sign sums up to 256 at
 * most, so that both are within it afterwards.
 */
CX_STATIC void cx_split(int8_t *quad, int8_t *rest) {
  for (int i = 0; i < 4; i += 2) {
    const int sum = quad[i] + quad[i + 1];
    const int above = (sum < 0 ? -sum : sum) - CX_BOUND;
    if (above <= 0 || (quad[i] < 0) != (quad[i + 1] < 0)) continue;
    const int larger = i + ((quad[i] < 0 ? quad[i + 1] < quad[i] : quad[i + 1] > quad[i]) ? 1 : 0);
    rest[larger] = (int8_t)(sum < 0 ? -above : above);
    quad[larger] = (int8_t)(quad[larger] - rest[larger]);
  }
}

/* The quads of a row of `inner` weights, from the largest on. @returns their number */
CX_STATIC int32_t cx_items_of(const int8_t *row, int32_t inner, cx_item *sorted) {
  cx_item items[CX_MOST_ITEMS];
  int32_t count = 0, first[257] = {0};
  for (int32_t i = 0; i < inner; i += 4) {
    int8_t quad[4] = {0}, rest[4] = {0};
    memcpy(quad, row + i, (size_t)cx_min(4, inner - i));
    cx_item item = cx_item_of(quad, i / 4);
    if (item.bounds == 0) continue;
    if (!cx_is_within(item.bounds)) {
      cx_split(quad, rest);
      item = cx_item_of(quad, i / 4);
      items[count++] = cx_item_of(rest, i / 4);
    }
    items[count++] = item;
  }
  /* by counting: those whose largest field is f come behind those with larger ones */
  for (int32_t i = 0; i < count; i++) first[255 - items[i].largest + 1]++;
  for (int f = 1; f < 257; f++) first[f] += first[f - 1];
  for (int32_t i = 0; i < count; i++) sorted[first[255 - items[i].largest]++] = items[i];
  return count;
}

/* How many of the smallest items are tried as partners of an item before it stays alone. */
#define CX_TRIES 8

/* Joins items, sorted from the largest on, by twos. @returns the number of groups, -1 where there is no room for them */
CX_STATIC int64_t cx_fill_groups(const cx_item *items, int32_t count, cx_group *to, size_t room) {
  uint8_t is_taken[CX_MOST_ITEMS] = {0};
  int64_t groups = 0;
  /* items behind `last` are taken */
  int32_t last = count - 1;
  for (int32_t i = 0; i < count; i++) {
    if (is_taken[i]) continue;
    if ((size_t)groups == room) return -1;
    cx_group *group = &to[groups++];
    *group = (cx_group){{items[i].quad, 0}, {items[i].word, 0}};
    for (int32_t j = last, tries = 0; j > i && tries < CX_TRIES; j--) {
      if (is_taken[j]) continue;
      tries++;
      if (!cx_is_within(items[i].bounds + items[j].bounds)) continue;
      group->quad[1] = items[j].quad, group->word[1] = items[j].word;
      is_taken[j] = 1;
      break;
    }
    while (last > i && is_taken[last]) last--;
  }
  return groups;
}

void CX_OF_LEVEL(cx_grouped_weights_)(const cx_conv *d, const int8_t *w, uint8_t *to) {
  const cx_grouped_plan p = cx_grouped_plan_of(d);
  cx_grouped_weights g;
  cx_grouped_weights_of(&p, to, &g);
  const int32_t inner = p.base.inner, sweep = 4 * p.sweep_quads;
  const size_t rows = (size_t)p.sweeps * (size_t)d->out_group;
  size_t done = 0, row = 0;
  *g.is_used = 0;
  for (int32_t s = 0; s < p.sweeps; s++)
    for (int32_t c = 0; c < d->out_group; c++, row++) {
      cx_item items[CX_MOST_ITEMS];
      const int32_t from = s * sweep, count = cx_items_of(w + (size_t)c * (size_t)inner + from, cx_min(sweep, inner - from), items);
      /* no more room than in proportion to what is done, so that weights that do not suit are soon found out */
      const size_t room = (size_t)((uint64_t)g.room * (row + 1) / rows) + CX_MOST_ITEMS;
      const int64_t groups = cx_fill_groups(items, count, g.group + done, (room < g.room ? room : g.room) - done);
      if (groups < 0) return;
      g.start[row] = (uint32_t)done;
      done += (size_t)groups;
    }
  g.start[row] = (uint32_t)done;
  for (int32_t c = 0; c < d->out_group; c++) {
    int32_t sum = 0;
    for (int32_t i = 0; i < inner; i++) sum += w[(size_t)c * (size_t)inner + (size_t)i];
    g.offset[c] = CX_OFFSET(d->is_unsigned) * sum;
  }
  *g.is_used = 1;
}

#else

void CX_OF_LEVEL(cx_grouped_weights_)(const cx_conv *d, const int8_t *w, uint8_t *to) { (void)d, (void)w, (void)to; }

#endif
