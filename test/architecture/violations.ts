/** All rules over all files. `architecture.test.ts` holds them against the project and planted faults. */
import { cyclesOf } from './cycles.ts'
import { parseModule, type Module } from './module.ts'
import { everywhere, sources, type Rule } from './rules.ts'

/** One fault, where it is and which rule it breaks. */
export interface Violation {
  readonly rule: string
  readonly file: string
  readonly line: number
  readonly message: string
}

/** Checks files by their path from the project's root. */
export const violations = (files: ReadonlyMap<string, string>): Violation[] => {
  const modules = [...files].map(([path, source]) => parseModule(path, source))
  return [
    ...modules.flatMap((module) => check(module, everywhere)),
    ...modules.filter(isSource).flatMap((module) => check(module, sources)),
    ...cycles(modules),
  ]
}

const isSource = ({ path }: Module): boolean => /^(src|actors|machines)\//.test(path)

const check = (module: Module, rules: Record<string, Rule>): Violation[] =>
  Object.entries(rules).flatMap(([rule, find]) =>
    find(module).map((fault) => ({ rule, file: module.path, ...fault })),
  )

const cycles = (modules: readonly Module[]): Violation[] => {
  const edges = new Map(modules.map(({ path, imports }) => [path, imports.map(({ target }) => target)]))
  return cyclesOf(edges).map((way) => ({
    rule: 'cycles',
    file: way[0] ?? '',
    line: 1,
    message: way.join(' -> '),
  }))
}
