/** Who is linked to whom, as far as a simulation knows: rather too many links than too few. */

export class Links {
  readonly #links = new Map<string, Set<string>>()
  /** Made while one of both was down, or is in this very step: a link of its next incarnation, perhaps. */
  readonly #early = new Set<string>()

  add(one: string, two: string, isEarly: boolean): void {
    this.#of(one).add(two)
    this.#of(two).add(one)
    if (isEarly) this.#early.add(`${one}>${two}`).add(`${two}>${one}`)
  }

  remove(one: string, two: string): void {
    this.#links.get(one)?.delete(two)
    this.#links.get(two)?.delete(one)
    this.#early.delete(`${one}>${two}`)
    this.#early.delete(`${two}>${one}`)
  }

  of(uid: string): readonly string[] {
    return [...(this.#links.get(uid) ?? [])]
  }

  has(uid: string): boolean {
    return (this.#links.get(uid)?.size ?? 0) > 0
  }

  /** This incarnation is over, and with it its links. */
  broken(uid: string, isGone: boolean): void {
    for (const other of this.of(uid)) {
      if (isGone || !this.#early.has(`${uid}>${other}`)) this.remove(uid, other)
    }
  }

  #of(uid: string): Set<string> {
    let links = this.#links.get(uid)
    if (!links) this.#links.set(uid, (links = new Set()))
    return links
  }
}
