/* Where the buffers of the bench lie in its arena. */
#pragma once
#include <stdint.h>
static constexpr uint32_t PLACE_TABLE = 4096, PLACE_COUNTERS = 1u << 18, PLACE_W = 1u << 20, PLACE_X = 1u << 24, PLACE_Y = 1u << 28,
                          PLACE_SUMS = (1u << 28) + (1u << 27) + (1u << 26);
static constexpr size_t ARENA_BYTES = 1ull << 29;
