/** Values read between cells: sampling grids, deformable convolution, regions of interest. */
export const sampling = {} as const;
