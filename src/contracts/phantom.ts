/** The key of members that exist in types only: they carry an inferred type and are never set. Not exported by `troupe`. */
export declare const types: unique symbol
