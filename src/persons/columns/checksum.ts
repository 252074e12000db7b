/** Check digits of numbers that name a person. All expect bare ASCII digits. */

/** Payment cards (ISO/IEC 7812): 13–19 digits, Luhn, a known first digit. */
export function isCardNumber(digits: string): boolean {
  return /^[2-6]\d{12,18}$/.test(digits) && luhn(digits) && !/^(\d)\1+$/.test(digits);
}

function luhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    let d = digits.charCodeAt(digits.length - 1 - i) - 48;
    if (i % 2 === 1 && (d *= 2) > 9) d -= 9;
    sum += d;
  }
  return sum % 10 === 0;
}

/** 個人番号: 12 digits; weights 2–7, 2–6 from the right; mod 11. */
export function isMyNumber(digits: string): boolean {
  if (!/^\d{12}$/.test(digits)) return false;
  let sum = 0;
  for (let n = 1; n <= 11; n++) sum += (digits.charCodeAt(11 - n) - 48) * (n <= 6 ? n + 1 : n - 5);
  const rest = sum % 11;
  return (rest <= 1 ? 0 : 11 - rest) === digits.charCodeAt(11) - 48;
}

/** 運転免許証番号: 12 digits that begin with a public safety commission (10–97); digit 11 is a mod-11 check over the first ten. */
export function isDriverLicence(digits: string): boolean {
  if (!/^[1-9]\d{11}$/.test(digits)) return false;
  const weights = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2];
  let sum = 0;
  for (let i = 0; i < 10; i++) sum += (digits.charCodeAt(i) - 48) * weights[i]!;
  const rest = sum % 11;
  return (rest <= 1 ? 0 : 11 - rest) === digits.charCodeAt(10) - 48;
}

/** 保険者番号: 8 digits (6 for national health insurance); weights 2, 1 from the right; digit sums; mod 10. */
export function isInsurerNumber(digits: string): boolean {
  if (!/^(\d{6}|\d{8})$/.test(digits)) return false;
  let sum = 0;
  for (let i = 0; i < digits.length - 1; i++) {
    const product = (digits.charCodeAt(digits.length - 2 - i) - 48) * (i % 2 === 0 ? 2 : 1);
    sum += product > 9 ? product - 9 : product;
  }
  return (10 - (sum % 10)) % 10 === digits.charCodeAt(digits.length - 1) - 48;
}

/** 法人番号: 13 digits; names a body, not a person. */
export function isCorporateNumber(digits: string): boolean {
  if (!/^[1-9]\d{12}$/.test(digits)) return false;
  let sum = 0;
  for (let n = 1; n <= 12; n++) sum += (digits.charCodeAt(13 - n) - 48) * (n % 2 === 0 ? 2 : 1);
  return 9 - (sum % 9) === digits.charCodeAt(0) - 48;
}
