import type { Production, Rule } from './grammar.ts';

/** A drawn piece: it is entered at the left and left at the right, both on the line y = 0 of its own. */
interface Drawing {
  readonly width: number;
  /** Height above and below the line. */
  readonly up: number;
  readonly down: number;
  readonly draw: (x: number, y: number) => string;
}

const GAP = 12;
const BOX = 24;
const RADIUS = 8;
const CHARACTER = 7.4;

const escapeXml = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
const path = (d: string): string => `<path d="${d}"/>`;
const line = (x1: number, x2: number, y: number): string => (x1 === x2 ? '' : path(`M${x1} ${y}H${x2}`));

const box = (text: string, rounded: boolean, link?: string): Drawing => {
  const width = Math.ceil(text.length * CHARACTER) + 20;
  return {
    width,
    up: BOX / 2,
    down: BOX / 2,
    draw: (x, y) => {
      const shape = `<rect x="${x}" y="${y - BOX / 2}" width="${width}" height="${BOX}"${rounded ? ` rx="${BOX / 2}"` : ''} class="${rounded ? 't' : 'n'}"/>`;
      const label = `<text x="${x + width / 2}" y="${y + 4}">${escapeXml(text)}</text>`;
      return link === undefined ? shape + label : `<a href="#${link}">${shape}${label}</a>`;
    },
  };
};

const row = (items: readonly Drawing[]): Drawing => ({
  width: items.reduce((w, d) => w + d.width, 0) + GAP * Math.max(0, items.length - 1),
  up: items.reduce((n, d) => Math.max(n, d.up), 0),
  down: items.reduce((n, d) => Math.max(n, d.down), 0),
  draw: (x, y) => {
    let at = x;
    return items
      .map((item, i) => {
        const before = i === 0 ? '' : line(at, at + GAP, y);
        at += i === 0 ? 0 : GAP;
        const drawn = before + item.draw(at, y);
        at += item.width;
        return drawn;
      })
      .join('');
  },
});

/** Alternatives below each other; the first stands on the line. */
const stack = (items: readonly Drawing[]): Drawing => {
  const inner = items.reduce((w, d) => Math.max(w, d.width), 0);
  const offsets: number[] = [];
  let y = 0;
  items.forEach((item, i) => {
    y += i === 0 ? 0 : item.up + GAP;
    offsets.push(y);
    y += item.down;
  });
  const side = RADIUS * 2 + 4;
  return {
    width: inner + 2 * side,
    up: items[0]?.up ?? 0,
    down: y,
    draw: (x, top) =>
      items
        .map((item, i) => {
          const at = top + (offsets[i] ?? 0);
          const left = x + side;
          const right = left + item.width;
          const end = x + inner + 2 * side;
          const drawn = item.draw(left, at) + line(right, left + inner, at);
          if (i === 0) return line(x, left, top) + drawn + line(left + inner, end, top);
          const r = RADIUS;
          const down = `M${x} ${top}q${r} 0 ${r} ${r}V${at - r}q0 ${r} ${r} ${r}H${left}`;
          const up = `M${left + inner} ${at}H${end - 2 * r}q${r} 0 ${r} ${-r}V${top + r}q0 ${-r} ${r} ${-r}`;
          return path(down) + drawn + path(up);
        })
        .join(''),
  };
};

const nothing: Drawing = { width: 0, up: 0, down: 0, draw: () => '' };

/** The item on the line, a way back below it through the separator. */
const loop = (item: Drawing, back: Drawing): Drawing => {
  const inner = Math.max(item.width, back.width);
  const side = RADIUS * 2;
  const below = item.down + GAP + back.up;
  return {
    width: inner + 2 * side,
    up: item.up,
    down: below + back.down,
    draw: (x, y) => {
      const left = x + side;
      const right = left + inner;
      const r = RADIUS;
      const at = y + below;
      const backLeft = left + (inner - back.width) / 2;
      return [
        line(x, left, y),
        item.draw(left, y),
        line(left + item.width, right + side, y),
        path(`M${right} ${y}q${r} 0 ${r} ${r}V${at - r}q0 ${r} ${-r} ${r}H${backLeft + back.width}`),
        back.draw(backLeft, at),
        path(`M${backLeft} ${at}H${left}q${-r} 0 ${-r} ${-r}V${y + r}q0 ${-r} ${r} ${-r}`),
      ].join('');
    },
  };
};

const drawingOf = (p: Production): Drawing => {
  switch (p.kind) {
    case 'token':
      return box(p.literal ? p.label.slice(1, -1) : p.label.replace(/^an? /, '').toUpperCase(), true);
    case 'rule':
      return box(p.name, false, p.name);
    case 'sequence':
      return row(p.items.map(drawingOf));
    case 'choice':
      return stack(p.items.map(drawingOf));
    case 'optional':
      return stack([nothing, drawingOf(p.item)]);
    case 'repeat':
      return loop(drawingOf(p.item), p.separator === undefined ? nothing : drawingOf(p.separator));
    default:
      return p satisfies never;
  }
};

const svgOf = (rule: Rule): string => {
  const drawing = drawingOf(rule.body);
  const top = drawing.up + 10;
  const width = drawing.width + 60;
  const height = top + drawing.down + 10;
  const ends = `<circle cx="10" cy="${top}" r="4"/><circle cx="${width - 10}" cy="${top}" r="4"/>`;
  const body = line(14, 30, top) + drawing.draw(30, top) + line(30 + drawing.width, width - 14, top);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${ends}${body}</svg>`;
};

const STYLE = `body{font-family:sans-serif;margin:2em;color:#222;background:#fff}
svg{display:block;margin:.5em 0 1.5em}
svg path,svg circle{fill:none;stroke:#444;stroke-width:1.5}
svg circle{fill:#444}
svg rect{stroke:#444;stroke-width:1.5}
svg rect.t{fill:#e8f3e8}
svg rect.n{fill:#e8eef8}
svg text{font:12px monospace;text-anchor:middle;fill:#111}`;

/** One page with a diagram for each rule; boxes of rules link to them. Stands alone: no script, nothing fetched. */
export const railroadPage = (title: string, rules: readonly Rule[]): string =>
  [
    '<!doctype html>',
    `<html lang="en"><head><meta charset="utf-8"><title>${escapeXml(title)}</title><style>${STYLE}</style></head><body>`,
    `<h1>${escapeXml(title)}</h1>`,
    '<p>Generated from the parser by npm run docs. Round boxes are text, square boxes are rules.</p>',
    ...rules.map((rule) => `<h2 id="${rule.name}">${rule.name}</h2>\n${svgOf(rule)}`),
    '</body></html>',
    '',
  ].join('\n');
