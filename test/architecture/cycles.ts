/** Import cycles. */

/**
 * The cycles of a graph: for each group of nodes that reach each other, one way around. Found by Tarjan's
 * algorithm, so a file that merely leads into a cycle is not named.
 */
export const cyclesOf = (edges: ReadonlyMap<string, readonly string[]>): string[][] => {
  const order = new Map<string, number>()
  const stack: string[] = []
  const groups: string[][] = []

  const connect = (node: string): number => {
    const index = order.size
    let low = index
    order.set(node, index)
    stack.push(node)
    for (const next of edges.get(node) ?? []) {
      if (!order.has(next)) low = Math.min(low, connect(next))
      else if (stack.includes(next)) low = Math.min(low, order.get(next) ?? index)
    }
    if (low === index) groups.push(stack.splice(stack.indexOf(node)))
    return low
  }

  for (const node of edges.keys()) if (!order.has(node)) connect(node)
  return groups.flatMap((group) => {
    const around = wayAround(group, edges)
    return around ? [around] : []
  })
}

/** The shortest way from the first of a group back to itself. */
const wayAround = (
  group: readonly string[],
  edges: ReadonlyMap<string, readonly string[]>,
): string[] | undefined => {
  const start = group.toSorted()[0]
  if (start === undefined) return undefined
  const ways: string[][] = [[start]]
  const seen = new Set<string>()
  for (const way of ways) {
    for (const next of edges.get(way.at(-1) ?? start) ?? []) {
      if (next === start) return [...way, start]
      if (!group.includes(next) || seen.has(next)) continue
      seen.add(next)
      ways.push([...way, next])
    }
  }
  return undefined
}
