/**
 * One object of each kind that is made and dropped all the time. V8 throws away the code that it has optimized for a
 * shape when a collection finds no object of that shape, which between two runs would be all of them: measured, half of
 * the time of short runs went into compiling again. What is kept here is a late one of each, never more.
 */
export const shapes: {
  mail: object | undefined
  request: object | undefined
  timer: object | undefined
  work: object | undefined
  args: object | undefined
  initialArgs: object | undefined
} = { mail: undefined, request: undefined, timer: undefined, work: undefined, args: undefined, initialArgs: undefined }
