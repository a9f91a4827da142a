#!/usr/bin/python3
"""embed.py FILE SYMBOL OUT.c - a file's bytes as a C array SYMBOL, its length as SYMBOL_len."""
import sys

PER_LINE = 16


def main():
    path, symbol, out = sys.argv[1:]
    with open(path, 'rb') as file:
        data = file.read()
    lines = [', '.join(f"'\\x{byte:02x}'" for byte in data[at:at + PER_LINE])
             for at in range(0, len(data), PER_LINE)]
    with open(out, 'w', encoding='ascii') as file:
        file.write('#include <stddef.h>\n\n')
        file.write(f'extern const char {symbol}[];\nextern const size_t {symbol}_len;\n')
        file.write(f'const char {symbol}[] = {{\n    ' + ',\n    '.join(lines) + ',\n};\n')
        file.write(f'const size_t {symbol}_len = sizeof {symbol};\n')


if __name__ == '__main__':
    main()
