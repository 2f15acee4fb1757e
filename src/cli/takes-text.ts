/** Whether an agent takes text, so that an object may stand for its `text`. Everything else is taken as it is. */
import type { AnyAgent } from '../contracts/agents.ts'
import type { Schema } from '../contracts/schemas.ts'
import { definitionOf } from './team.ts'

/**
 * Its schema says so, or it has none and its work is a function or a model, whose input then is a text. A machine or a
 * person without a schema takes anything, and is given the record as it is; a pattern takes text when one of those does
 * that get its input, for the others have to make do with it.
 */
export function takesText(agent: AnyAgent): boolean {
  const { input, takes, fallback } = definitionOf(agent)
  if (input !== undefined) return isText(input)
  if (takes === 'text') return true
  const others = takes === 'anything' ? [] : takes
  return [...others, ...(fallback ? [fallback] : [])].some(takesText)
}

/** As much of the schemas of zod as tells texts from the rest. */
type Def = Readonly<{
  type: string
  innerType?: Schema
  in?: Schema
  left?: Schema
  right?: Schema
  options?: readonly Schema[]
  values?: readonly unknown[]
  entries?: Readonly<Record<string, unknown>>
  getter?: () => Schema
}>

const isText = (schema: Schema): boolean => {
  const def = schema._zod.def as Def
  switch (def.type) {
    case 'string':
    case 'template_literal':
      return true
    case 'literal':
      return areTexts(def.values ?? [])
    case 'enum':
      return areTexts(Object.values(def.entries ?? {}))
    case 'union':
      return (def.options ?? []).every(isText)
    case 'intersection':
      return [def.left, def.right].some((side) => side !== undefined && isText(side))
    default: {
      // What stands around another schema: optional, default, readonly, pipe, lazy and the like.
      const inner = def.innerType ?? def.in ?? def.getter?.()
      return inner !== undefined && isText(inner)
    }
  }
}

const areTexts = (values: readonly unknown[]): boolean => values.every((value) => typeof value === 'string')
