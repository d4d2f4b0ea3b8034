/** Deepest nesting of the JSON of a model: what walks it may then use the stack. */
const MAX_JSON_NESTING = 512;

const [QUOTE, BACKSLASH, OPEN, CLOSE, OPEN_BRACE, CLOSE_BRACE] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

/** Whether lists and objects of a JSON text stand in each other deeper than models do. */
export const isNestedTooDeep = (text: string): boolean => {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inText) {
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) inText = false;
    } else if (code === QUOTE) inText = true;
    else if (code === OPEN || code === OPEN_BRACE) {
      depth++;
      if (depth > MAX_JSON_NESTING) return true;
    } else if (code === CLOSE || code === CLOSE_BRACE) depth--;
  }
  return false;
};
