/** Tensors and pictures from bytes: .npy, .npz, PNG, JPEG, BMP. No file system here. */
export { type DecodePictureOptions, decodePicture, type PictureFormat, pictureFormat } from './decode-picture.ts';
export { decodeNpy, encodeNpy, type NpyArray } from './npy.ts';
export { type NpySlices, npyTensor, openNpy } from './npy-slices.ts';
export { type DecodeNpzOptions, decodeNpz, encodeNpz, openNpz } from './npz.ts';
export type { Picture } from './picture.ts';
export {
  PICTURE_CHANNELS,
  PICTURE_LAYOUTS,
  type PictureChannels,
  type PictureLayout,
  type PictureTensorOptions,
  pictureToTensor,
} from './picture-tensor.ts';
export { cropCentre, resizePicture, resizeShorterSide } from './resize.ts';
