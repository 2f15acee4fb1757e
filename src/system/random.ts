/** Chance that can be repeated: ids, jitter and `random()` of a system all come from here. */
import { customRandom, urlAlphabet } from 'nanoid'

/** From 0 to 1, as Math.random, but the same for the same seed (sfc32, seeded by FNV-1a). */
export const seededRandom = (seed: string | number): (() => number) => {
  let a = hash(`a${seed}`)
  let b = hash(`b${seed}`)
  let c = hash(`c${seed}`)
  let d = 1
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return (t >>> 0) / 4294967296
  }
  for (let i = 0; i < 12; i += 1) next()
  return next
}

/** A nanoid that follows from `random`. */
export const seededId = (random: () => number, size: number): string =>
  customRandom(urlAlphabet, size, (bytes) => Uint8Array.from({ length: bytes }, () => random() * 256))()

const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h | 0
}
