/** Words of a text, and what kind of text it is: empty, foreign, angry or hostile. Rules only: a text cannot change them. */

/** What makes a text a case for a person, whatever it is about. */
export type Concern = 'empty' | 'hostile' | 'foreign' | 'angry'

/** The words of a text in small letters, without their marks. */
export const wordsOf = (text: string): string[] =>
  text
    .toLowerCase()
    .replace(/[’']/g, '')
    .match(/[\p{L}\p{N}]+/gu) ?? []

/** The first concern that applies. */
export function concernOf(text: string): Concern | undefined {
  const words = wordsOf(text)
  if (words.length === 0) return 'empty'
  if (HOSTILE.some((pattern) => pattern.test(text))) return 'hostile'
  if (isForeign(text, words)) return 'foreign'
  return isAngry(text) ? 'angry' : undefined
}

const HOSTILE: readonly RegExp[] = [
  // Markup and what hides in it.
  /<\s*[/!?]?\s*[a-z][^>]*>/i,
  /javascript\s*:|data\s*:\s*text\/html/i,
  /\{\{.*?\}\}|\$\{.*?\}|<%|!\[[^\]]*\]\(/,
  // Control characters and marks that hide or reorder text.
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/,
  // Orders to the machine.
  /\b(ignore|disregard|forget|override|bypass)\b.{0,40}\b(previous|prior|above|earlier|your|all|any)\b.{0,40}\b(instructions?|rules?|prompts?|guidelines?|routing)\b/is,
  /\b(you are|act as|pretend to be|behave as)\b.{0,30}\b(now|an?|the)\b.{0,30}\b(ai|assistant|bot|admin|administrator|developer|root|system|dan)\b/is,
  /\b(system|developer)\s*(prompt|message|override|mode)\b/i,
  /(^|\n)\s*#*\s*(system|assistant|developer)\s*:/i,
  /<\||\|>|\[\/?INST\]|"(confidence|route|to|role)"\s*:/i,
  /\bset\b.{0,20}\b(confidence|priority|role)\b.{0,10}\b(to|=)/i,
  // Orders to a database or a shell.
  /\bdrop\s+table\b|\bunion\s+select\b|['"]\s*or\s+['"]?1['"]?\s*=\s*['"]?1|;\s*rm\s+-rf\b|\$\(.*\)/i,
]

const ENGLISH = new Set(
  (
    'the a an is are was were be been i im ive my me we our you your it its this that these and or but not no dont cant ' +
    'do does did have has had can could will would should to of in on at for from with by about how what when where ' +
    'which who why there their they them if so please just still after before into than then get got need want any'
  ).split(' '),
)

// Words that English does not have, or hardly ever in a short message.
const FOREIGN = new Set(
  (
    'ich nicht und das ist meine mein wie kann bitte eine einen auf für mit wir habe haben sie von zu wurde ' +
    'je ne pas les mon ma est une et vous pour nous dans avec sur votre mes suis peux comment merci bonjour ' +
    'el los mi una por para puedo que hola esta está mis gracias cómo como tengo quiero con ' +
    'il lo gli di che non per sono mio mia ho vorrei posso grazie ciao ' +
    'não meu minha um uma você obrigado olá ' +
    'ik niet het een mijn van voor kan graag met heb ' +
    'nie jest moje proszę się jak dla czy mam'
  ).split(' '),
)

const isForeign = (text: string, words: readonly string[]): boolean => {
  const letters = text.match(/\p{L}/gu) ?? []
  const latin = letters.filter((letter) => /\p{Script=Latin}/u.test(letter)).length
  if (latin < letters.length * 0.7) return true
  const foreign = words.filter((word) => FOREIGN.has(word)).length
  const english = words.filter((word) => ENGLISH.has(word)).length
  return foreign >= 2 && foreign > english
}

const ANGRY =
  /\b(furious|outrag\w+|unacceptable|ridiculous|disgust\w+|disgrace\w*|pathetic|useless|worst|incompetent|garbage|rubbish|rip-?off|scam\w*|thie(f|ves)|lawyer|sue|lawsuit|fed up|sick of|how dare)\b/gi

const isAngry = (text: string): boolean => {
  const words = text.match(ANGRY)?.length ?? 0
  const capitals = text.match(/\b[A-Z]{3,}\b/g)?.length ?? 0
  const shouts = (capitals >= 4 ? 1 : 0) + (/!{2,}|\?!/.test(text) ? 1 : 0)
  return words + shouts >= 2
}
