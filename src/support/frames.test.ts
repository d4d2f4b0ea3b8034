import { describe, expect, test } from '@jest/globals';
import { diagnostic } from './diagnostic.ts';
import { renderDiagnostic } from './frames.ts';

const at = (line: number, column: number, length: number) => ({ file: 'm.mrl', line, column, length });
const plain = (source: string, span: ReturnType<typeof at>, notes: readonly string[] = []) =>
  renderDiagnostic(diagnostic('MRL2001', 'nothing is named y', { span, notes }), { source, color: false });

describe('code frames', () => {
  test('code, place, line, caret, notes', () => {
    expect(plain('mrl 1;\nlet a = y;\n', at(2, 9, 1), ['Did you mean x?'])).toBe(
      ['error[MRL2001]: nothing is named y', ' --> m.mrl:2:9', '  |', '2 | let a = y;', '  |         ^', '  = help: Did you mean x?'].join(
        '\n',
      ),
    );
  });

  test('the gutter grows with the line number', () => {
    const lines = plain(`${'\n'.repeat(99)}ab`, at(100, 2, 1)).split('\n');
    expect(lines.slice(1)).toEqual(['   --> m.mrl:100:2', '    |', '100 | ab', '    |  ^']);
  });

  test('tabs widen in line and marks alike, CRLF ends a line, controls do not reach the terminal', () => {
    expect(
      plain('\tx\ty\u001b[2J\r\nz', at(1, 4, 1))
        .split('\n')
        .slice(3),
    ).toEqual(['1 |     x    y\ufffd[2J', '  |          ^']);
  });

  test('a long line is cut around the caret', () => {
    const line = `${'a'.repeat(500)}BAD${'c'.repeat(500)}`;
    const [, , , text = '', marks = ''] = plain(line, at(1, 501, 3)).split('\n');
    expect(text.length).toBeLessThan(130);
    expect(text.slice(marks.indexOf('^'), marks.lastIndexOf('^') + 1)).toBe('BAD');
    expect([text.includes('…a'), text.endsWith('c…')]).toEqual([true, true]);
  });

  test.each([
    [at(9, 1, 1), 2],
    [at(1, 99, 50), 5],
    [at(1, 1, 1_000_000), 5],
  ])('a span outside the text still renders: %j', (span, lines) => {
    expect(plain('short', span).split('\n')).toHaveLength(lines);
  });

  test('without a span the place in words, without a source the place only', () => {
    const d = diagnostic('IR0003', 'used early', { where: 'node 3 (add)' });
    expect(renderDiagnostic(d, { color: false })).toBe('error[IR0003]: used early\n--> node 3 (add)');
    expect(renderDiagnostic(diagnostic('IR0003', 'used early', { span: at(1, 2, 1) }), { color: false })).toBe(
      'error[IR0003]: used early\n --> m.mrl:1:2',
    );
  });

  test('colours by severity, and only when asked for', () => {
    const d = diagnostic('MRL2001', 'm', { severity: 'warning', span: at(1, 1, 1) });
    expect(renderDiagnostic(d, { source: 'x', color: true })).toContain('\u001b[1;33mwarning[MRL2001]\u001b[0m');
    expect(renderDiagnostic(d, { source: 'x', color: false })).not.toContain('\u001b');
  });
});
