/* compare_hex FILE.hex FILE.bin: beats as $writememh writes them against bytes; the file may hold more beats, of which the first are looked at. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
  char line[256];
  unsigned char beat[16];
  size_t at = 0, wrong = 0;
  FILE *hex = argc == 3 ? fopen(argv[1], "r") : NULL, *bin = argc == 3 ? fopen(argv[2], "rb") : NULL;
  if (hex == NULL || bin == NULL) {
    fprintf(stderr, "usage: compare_hex FILE.hex FILE.bin\n");
    return 2;
  }
  while (fgets(line, sizeof line, hex) != NULL) {
    if (!isxdigit((unsigned char)line[0]) && line[0] != 'x') continue;
    const size_t digits = strcspn(line, "\r\n ");
    const size_t count = fread(beat, 1, sizeof beat, bin);
    for (size_t i = 0; i < count; i++) {
      char text[3] = {0, 0, 0};
      if (2 * i + 2 <= digits) memcpy(text, line + digits - 2 * i - 2, 2);
      if (!isxdigit((unsigned char)text[0]) || strtoul(text, NULL, 16) != beat[i]) wrong++;
    }
    at += count;
    if (count < sizeof beat) break;
  }
  const int rest = fgetc(bin) != EOF;
  printf("%s: %zu bytes compared, %zu wrong%s\n", argv[2], at, wrong, rest ? ", the rest is missing" : "");
  fclose(hex);
  fclose(bin);
  return wrong == 0 && !rest ? 0 : 1;
}
