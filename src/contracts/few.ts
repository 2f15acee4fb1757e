/** A map that mostly holds nothing or one thing, and then costs no more than two fields. */
export class Few<V> {
  #key: string | undefined
  #value: V | undefined
  #rest: Map<string, V> | undefined

  get size(): number {
    return (this.#key === undefined ? 0 : 1) + (this.#rest?.size ?? 0)
  }

  get(key: string): V | undefined {
    return key === this.#key ? this.#value : this.#rest?.get(key)
  }

  has(key: string): boolean {
    return key === this.#key || this.#rest?.has(key) === true
  }

  set(key: string, value: V): void {
    if (this.#rest?.has(key)) this.#rest.set(key, value)
    else if (this.#key === undefined || this.#key === key) {
      this.#key = key
      this.#value = value
    } else (this.#rest ??= new Map()).set(key, value)
  }

  /** `false`: it was not there. */
  delete(key: string): boolean {
    if (key !== this.#key) return this.#rest?.delete(key) === true
    this.#key = undefined
    this.#value = undefined
    return true
  }

  clear(): void {
    this.#key = undefined
    this.#value = undefined
    this.#rest = undefined
  }

  /** As they are now; what changes meanwhile is not seen. */
  entries(): [string, V][] {
    const first: [string, V][] = this.#key === undefined ? [] : [[this.#key, this.#value as V]]
    return this.#rest ? [...first, ...this.#rest] : first
  }
}
