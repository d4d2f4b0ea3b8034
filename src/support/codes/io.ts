import type { CodeInfo } from './info.ts';

export const ioCodes = {
  IO2001: {
    title: 'file is not a NumPy array',
    explain: 'A .npy file starts with the bytes 93 4E 55 4D 50 59 ("\\x93NUMPY"). Write it with numpy.save.',
    exit: 3,
  },
  IO2002: {
    title: 'NumPy file ends too early',
    explain: 'The header or the elements need more bytes than the file has: it was cut off, or its header states a wrong shape.',
    exit: 3,
  },
  IO2003: {
    title: 'NumPy header is malformed',
    explain: "The header is a Python dictionary with exactly the keys 'descr', 'fortran_order' and 'shape' (numpy.lib.format).",
    exit: 3,
  },
  IO2004: {
    title: 'NumPy file has bytes after its array',
    explain: 'One .npy file holds one array. Several arrays belong into one .npz file (numpy.savez).',
    exit: 3,
  },
  IO2005: {
    title: 'array element type is not supported',
    explain:
      'Read: f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 and b1, little or big endian. Object arrays hold Python pickles and are never loaded.',
    exit: 4,
  },
  IO2006: {
    title: 'array value outside its integer type',
    explain: 'u2, u4, u8 and i8 are read into int32, b1 into 0 and 1. Every value has to fit: nothing is wrapped or saturated.',
    exit: 3,
  },
  IO2007: {
    title: 'array values were rounded',
    explain: 'float64 is read into float32, to the nearest value, ties to even. Store float32 to have no difference.',
    exit: 1,
  },
  IO2008: { title: 'array too large', explain: 'A tensor holds fewer than 2^31 elements and has at most 8 dimensions.', exit: 5 },
  IO2009: { title: 'NumPy format version is not supported', explain: 'Versions 1.0, 2.0 and 3.0 are read.', exit: 4 },
  IO2020: {
    title: 'zip archive is damaged',
    explain: 'A directory entry, a size or a checksum of the archive is inconsistent. Write or copy the file again.',
    exit: 3,
  },
  IO2021: {
    title: 'zip feature is not supported',
    explain: 'Members are stored or deflated, not encrypted, and in one file.',
    exit: 4,
  },
  IO2022: {
    title: 'zip archive too large',
    explain: 'The members would unpack to more bytes than the limit allows, or to more than deflate can hold in their packed size.',
    exit: 5,
  },
  IO2023: {
    title: 'archive member is not an array',
    explain: 'A .npz file holds only members named NAME.npy, each name once.',
    exit: 3,
  },
  IO2040: {
    title: 'picture format is not read',
    explain: 'PNG, JPEG and BMP are recognised by their first bytes; the file name does not matter.',
    exit: 4,
  },
  IO2041: {
    title: 'picture is damaged',
    explain: 'The file breaks the rules of its format or ends too early. Nothing is guessed: save the picture again.',
    exit: 3,
  },
  IO2042: {
    title: 'picture feature is not supported',
    explain:
      'JPEG: 8-bit baseline or progressive, gray or three components. BMP: uncompressed 24 or 32 bits, or 8 bits with palette. Convert others to PNG.',
    exit: 4,
  },
  IO2043: {
    title: 'picture too large',
    explain: 'A side has at most 65,535 pixels, and width times height stays within the pixel limit.',
    exit: 5,
  },
  IO2044: {
    title: 'picture claims more pixels than its bytes can hold',
    explain: 'Even the best compression of the format needs more bytes for a picture of that size, so nothing is allocated for it.',
    exit: 3,
  },
  IO2050: {
    title: 'picture preparation is out of range',
    explain: 'Sizes are whole numbers from 1 to 65,535, a crop fits into the picture, mean and std have one value or one per channel.',
    exit: 2,
  },
} as const satisfies Record<string, CodeInfo>;
