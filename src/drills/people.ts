import { civilFromDays, daysFromCivil } from '../base/index.ts';
import { createRandom, type Random } from './random.ts';
import { type GivenName, given, halfKana, surnames, surnameVariants, type Word } from './words/names.ts';
import { buildings, fullWidth, kanjiNumber, type Place, places } from './words/places.ts';

/** A human being behind records. Four numbers in a row may live together; two of them may be twins. */
export type Person = {
  readonly no: number;
  readonly surname: Word;
  /** Name before marriage, for some. */
  readonly maiden: Word | null;
  readonly given: GivenName;
  readonly birthDate: string;
  readonly home: Home;
  /** Where this person lived before, for some. */
  readonly formerHome: Home | null;
  readonly mobile: string;
  readonly email: string;
};

export type Home = {
  readonly place: Place;
  readonly block: readonly [number, number, number];
  readonly building: string | null;
  readonly room: number;
  readonly phone: string;
};

/** What one register holds about a person, in its own spelling. */
export type Registration = {
  name: string;
  kana: string;
  birthDate: string;
  sex: 'M' | 'F';
  zip: string;
  address: string;
  phone: string | null;
  email: string | null;
};

const surnameWeights = surnames.map((_, i) => 1 / (i + 8));
const domains = ['example.jp', 'example.com', 'mail.example.ne.jp', 'docomo.example', 'example.co.jp'];

const pad = (n: number, width: number): string => String(n).padStart(width, '0');

function home(random: Random): Home {
  const place = random.pick(places);
  const flat = random.chance(0.5);
  return {
    place,
    block: [random.int(1, 9), random.int(1, 40), random.int(1, 25)],
    building: flat ? random.pick(buildings) : null,
    room: random.int(1, 12) * 100 + random.int(1, 12),
    phone: `${place.area}-${random.int(2, 9)}${random.text(5 - place.area.length, '0123456789')}-${pad(random.int(0, 9999), 4)}`,
  };
}

/** Person number `no` of a world: a pure function, so that worlds of any size need no memory. */
export function personAt(seed: number, no: number): Person {
  const group = createRandom(seed, `household/${no >> 2}`);
  const headSurname = surnames[group.weighted(surnameWeights)]!;
  const headHome = home(group);
  const twins = group.chance(0.04);
  const twinBirth = birthDay(group, 1975, 2003);
  const { own, together, surname: ownSurname, givenName: drawn } = drawPerson(seed, no, twins);
  const surname = ownSurname ?? headSurname;
  // Nobody gives a child the name of somebody in the house: with one, nothing on earth might tell their records apart.
  const givenName = together ? otherThan(namesAtHome(seed, no, twins), drawn) : drawn;
  const maiden = givenName.sex === 'F' && own.chance(0.12) ? surnames[own.weighted(surnameWeights)]! : null;
  return {
    no,
    surname,
    maiden: maiden === surname ? null : maiden,
    given: givenName,
    birthDate: twins && (no & 3) >= 2 ? twinBirth : birthDay(own, 1938, 2004),
    home: together ? headHome : home(own),
    formerHome: own.chance(0.1) ? home(own) : null,
    mobile: `0${own.pick(['70', '80', '90'])}-${own.int(1000, 9999)}-${pad(own.int(0, 9999), 4)}`,
    email: `${own.text(1, 'abcdefghkmnpstuwy')}${own.text(2)}${no.toString(36)}${own.text(2)}@${own.pick(domains)}`,
  };
}

/** What is drawn of a person before anybody else is looked at; `surname` only of those who live by themselves. */
function drawPerson(seed: number, no: number, twins: boolean): { own: Random; together: boolean; surname: Word | null; givenName: GivenName } {
  const own = createRandom(seed, `person/${no}`);
  const together = (no & 3) === 0 || own.chance(0.45) || (twins && (no & 3) >= 2);
  const surname = together ? null : surnames[own.weighted(surnameWeights)]!;
  return { own, together, surname, givenName: own.pick(given) };
}

/** Given names of those who live with number `no` and come before them. */
function namesAtHome(seed: number, no: number, twins: boolean): GivenName[] {
  const taken: GivenName[] = [];
  for (let other = no & ~3; other < no; other++) {
    const drawn = drawPerson(seed, other, twins);
    if (drawn.together) taken.push(otherThan(taken, drawn.givenName));
  }
  return taken;
}

function otherThan(taken: readonly GivenName[], drawn: GivenName): GivenName {
  const free = (g: GivenName): boolean => taken.every(t => t.text !== g.text && t.kana !== g.kana);
  let at = given.indexOf(drawn);
  while (!free(given[at % given.length]!)) at++;
  return given[at % given.length]!;
}

function birthDay(random: Random, from: number, to: number): string {
  const lo = daysFromCivil(from, 1, 1);
  const { year, month, day } = civilFromDays(random.int(lo, daysFromCivil(to, 12, 31)));
  return `${year}-${pad(month, 2)}-${pad(day, 2)}`;
}

/** One person as a register wrote it down: spelling, age of the address and gaps vary. `tidy` 1 is always the plain form. */
export function register(person: Person, random: Random, tidy = 0.55): Registration {
  const plain = (): boolean => random.chance(tidy);
  const maiden = person.maiden !== null && random.chance(0.3);
  const word = maiden ? person.maiden : person.surname;
  const surname = plain() ? word.text : random.pick([word.text, ...(surnameVariants[word.text] ?? [])]);
  const gap = plain() ? ' ' : random.pick([' ', '　', '']);
  const kana = `${word.kana}${gap === '' ? '' : ' '}${person.given.kana}`;
  const moved = person.formerHome !== null && random.chance(0.3);
  const where = moved ? person.formerHome! : person.home;
  // Who changes name or home keeps the mobile number: something always ties the records of one person together.
  const mobile = moved || maiden || random.chance(0.75);
  const phone = mobile ? person.mobile : where.phone;
  return {
    name: `${surname}${gap}${person.given.text}`,
    kana: plain() ? kana : random.pick([kana, halfKana(kana), kana.replace(' ', '　'), halfKana(kana.replace(' ', ''))]),
    birthDate: person.birthDate,
    sex: person.given.sex,
    zip: where.place.zip,
    address: address(where, plain() ? 0 : random.int(0, 4), random.chance(0.85)),
    phone: random.chance(0.12) && !moved && !maiden ? null : plain() ? phone : random.pick([phone, phone.replaceAll('-', ''), fullWidth(phone)]),
    email: random.chance(0.25) ? null : random.chance(0.9) ? person.email : person.email.toUpperCase(),
  };
}

function address(at: Home, style: number, withPrefecture: boolean): string {
  const {
    place,
    block: [a, b, c],
  } = at;
  const head = `${withPrefecture ? place.prefecture : ''}${place.city}${place.town}`;
  const room = at.building === null ? '' : String(at.room);
  if (style === 0) return `${head}${a}丁目${b}番${c}号${room && ` ${at.building}${room}号室`}`;
  if (style === 1) return `${head}${a}-${b}-${c}${room && `-${room}`}`;
  if (style === 2) return `${head}${fullWidth(`${a}-${b}-${c}`)}${room && `　${at.building}${fullWidth(room)}`}`;
  if (style === 3) return `${head}${kanjiNumber(a)}丁目${b}-${c}${room && ` ${at.building} ${room}`}`;
  return `${head}${a}丁目${b}-${c}${room && ` ${at.building}${room}`}`;
}

/** A company as a contract party or a partner. */
export function company(random: Random, kind: 'company' | 'clinic' | 'agency'): { name: string; kana: string; zip: string; address: string; phone: string } {
  const word = random.pick(surnames);
  const at = home(random);
  const [name, kana] =
    kind === 'clinic'
      ? [`${random.pick([word.text, at.place.town])}動物病院`, `${word.kana}ドウブツビョウイン`]
      : kind === 'agency'
        ? [`${random.pick(['株式会社', '有限会社'])}${word.text}保険事務所`, `${word.kana}ホケンジムショ`]
        : random.chance(0.5)
          ? [`株式会社${word.text}${random.pick(['商事', '製作所', '運輸', '工務店'])}`, `カブシキガイシャ${word.kana}`]
          : [`${word.text}${random.pick(['商店', '興業', '設備'])}株式会社`, `${word.kana}カブシキガイシャ`];
  return { name, kana, zip: at.place.zip, address: address(at, random.int(0, 3), true), phone: at.phone };
}
