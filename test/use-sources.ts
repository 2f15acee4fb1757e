/** For `node --import`: the program that follows imports `troupe` by its own name and gets the sources. */
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { entries } from './entries.ts'

const sources = entries()

registerHooks({
  resolve: (specifier, context, next) => {
    const file = sources.get(specifier)
    return next(file ? pathToFileURL(file).href : specifier, context)
  },
})
