/** Domain of the functions that stand for our ops (docs/exporters.md). */
export const FUNCTION_DOMAIN = 'cortexc';
export const FUNCTION_DOMAIN_VERSION = 1;
