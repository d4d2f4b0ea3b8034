export type { ManagedStore, ObjectStore } from './contract.ts';
export { type FolderOptions, folderObjects } from './folder.ts';
export { memoryObjects } from './memory-store.ts';
