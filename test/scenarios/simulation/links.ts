/** Who is linked to whom, as far as a simulation knows: rather too many links than too few. */

export class Links {
  readonly #links = new Map<string, Set<string>>()
  /** Made in the step in hand: whether they were made before or after an end is not known. */
  #fresh = new Set<string>()

  add(one: string, two: string): void {
    this.#of(one).add(two)
    this.#of(two).add(one)
    this.#fresh.add(one).add(two)
  }

  remove(one: string, two: string): void {
    this.#links.get(one)?.delete(two)
    this.#links.get(two)?.delete(one)
  }

  of(uid: string): readonly string[] {
    return [...(this.#links.get(uid) ?? [])]
  }

  has(uid: string): boolean {
    return (this.#links.get(uid)?.size ?? 0) > 0
  }

  /** These incarnations are over: their links are broken. */
  broken(uids: readonly string[]): void {
    for (const uid of uids) {
      if (this.#fresh.has(uid)) continue
      for (const other of this.of(uid)) this.remove(uid, other)
    }
    this.#fresh = new Set()
  }

  #of(uid: string): Set<string> {
    let links = this.#links.get(uid)
    if (!links) this.#links.set(uid, (links = new Set()))
    return links
  }
}
