"""Compares two files of main.cu: python3 compare.py HARDWARE SHIM. Exit status 1 when a case differs or is in one only."""
import sys


def read(path):
    with open(path) as file:
        first = file.readline().strip()
        lines = [line.rstrip('\n').split(' ') for line in file]
    return first, {(name, pattern): value for name, pattern, value in lines}


def difference(a, b):
    """Index of the first byte that differs and how many do; the shorter one ends in zeros."""
    size = max(len(a), len(b))
    x, y = bytes.fromhex(a.ljust(size, '0')), bytes.fromhex(b.ljust(size, '0'))
    at = [i for i in range(len(x)) if x[i] != y[i]]
    return at, x, y


def main():
    (where, hardware), (reference, shim) = read(sys.argv[1]), read(sys.argv[2])
    print(f'{where}, against {reference[3:]}')
    names = list(dict.fromkeys(name for name, _ in shim))
    bad = 0
    for name in names:
        patterns = [pattern for n, pattern in shim if n == name]
        if not any((name, pattern) in hardware for pattern in patterns):
            bad += 1
            print(f'  {name:18} did not run')
            continue
        total, notes = 0, []
        for pattern in patterns:
            expected, got = shim[name, pattern], hardware.get((name, pattern))
            if got is None:
                notes.append(f'{pattern}: did not run')
                continue
            at, x, y = difference(got, expected)
            total += len(expected) // 2
            if at:
                word = at[0] // 4 * 4
                notes.append(f'{pattern}: {len(at)} bytes differ, first word {word // 4}: {x[word:word + 4].hex()}, shim {y[word:word + 4].hex()}')
        bad += bool(notes)
        print(f'  {name:18} {"DIFFERS" if notes else "equal  "} {total:8} bytes {"; ".join(notes)}')
    print(f'{len(names) - bad} of {len(names)} primitives equal')
    return bad > 0


if __name__ == '__main__':
    sys.exit(main())
