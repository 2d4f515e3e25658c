/* See values.h. The tests hold each of these equal to its twin in Python. */

#include "values.h"

#include <string.h>

static inline uint8_t upper(uint8_t sign) { return sign >= 'a' && sign <= 'z' ? sign - 32 : sign; }
static inline int is_digit(uint8_t sign) { return sign >= '0' && sign <= '9'; }
static inline int is_letter(uint8_t sign) { return (sign | 32) >= 'a' && (sign | 32) <= 'z'; }
static inline int is_hex(uint8_t sign) { return is_digit(sign) || ((sign | 32) >= 'a' && (sign | 32) <= 'f'); }
static inline int is_word(uint8_t sign) { return is_letter(sign) || is_digit(sign) || sign == '_'; }

/* ---- signs */

enum { F = FOREIGN, C = TELLING | CONTROL, B = TELLING | BACKSLASH, T = TELLING };

static const uint8_t SIGNS[128] = {
    C, C, C, C, C, C, C, C, C, T, T, C, T, T, C, C, C, C, C, C, C, C, C, C, C, C, C, F, C, C, C, C,
    0, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, 0, T, T,
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, B, T, 0, T,
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, C,
};

unsigned value_signs(Slice text)
{
    unsigned signs = 0, above = 0;
    for (size_t i = 0; i < text.size; i++) {
        above |= text.at[i];
        signs |= SIGNS[text.at[i] & 127];
    }
    return above & 128 ? FOREIGN : signs;
}

static inline int is_around(uint8_t sign)
{
    return sign == ' ' || sign == 0 || sign == '\t' || sign == '\r' || sign == '\n';
}

Slice value_strip(Slice text)
{
    while (text.size && is_around(text.at[0])) { text.at++; text.size--; }
    while (text.size && is_around(text.at[text.size - 1])) text.size--;
    return text;
}

/* ---- well formed */

typedef struct { int year, month, day; } Day;

static inline int two(const uint8_t *p) { return (p[0] - '0') * 10 + p[1] - '0'; }

static int digits(const uint8_t *p, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!is_digit(p[i])) return 0;
    return 1;
}

static int is_day(const Day *said)
{
    static const uint8_t DAYS[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (said->year < 1 || said->month < 1 || said->month > 12 || said->day < 1 || said->day > DAYS[said->month - 1]) return 0;
    int leap = said->year % 4 == 0 && (said->year % 100 != 0 || said->year % 400 == 0);
    return leap || said->month != 2 || said->day < 29;
}

static int read_day(Slice text, Day *said)
{
    const uint8_t *p = text.at;
    int dots = text.size == 10 && p[4] == '.' && p[7] == '.';
    if ((!dots && text.size != 8) || !digits(p, 4) || !digits(p + 4 + dots, 2) || !digits(p + 6 + 2 * dots, 2)) return 0;
    *said = (Day){two(p) * 100 + two(p + 2), two(p + 4 + dots), two(p + 6 + 2 * dots)};
    return is_day(said);
}

int value_year_place(Slice text)
{
    int place = two(text.at) * 100 + two(text.at + 2) - FIRST_YEAR + 1;
    return place > 0 && place <= YEARS ? place : 0;
}

static int is_name(Slice text)
{
    size_t groups = 1, carets = 0, size = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '=') {
            if (++groups > 3) return 0;
            carets = size = 0;
            continue;
        }
        if (++size > 64 || (text.at[i] == '^' && ++carets > 4)) return 0;
    }
    return 1;
}

static size_t longest(uint16_t vr)
{
    switch (vr) {
    case VR('L', 'O'): return 64;
    case VR('S', 'H'): case VR('C', 'S'): return 16;
    case VR('S', 'T'): return 1024;
    default: return 10240;
    }
}

int value_well_formed(int kind, uint16_t vr, Slice text, unsigned signs)
{
    Day said;
    if (signs & CONTROL || text.size > longest(vr)) return 0;
    if (vr == VR('D', 'A')) return read_day(text, &said);
    if (kind == SEX) return text.size == 1 && (text.at[0] == 'M' || text.at[0] == 'F' || text.at[0] == 'O');
    return vr != VR('P', 'N') || is_name(text);
}

/* ---- appearance */

/* The length of a word, in capitals, if it stands here; else 0. */
static size_t stands(Slice text, size_t at, const char *word)
{
    size_t size = 0;
    for (; word[size]; size++)
        if (at + size >= text.size || upper(text.at[at + size]) != (uint8_t)word[size]) return 0;
    return size;
}

static int only(Slice text, uint8_t sign)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.at[i] != sign) return 0;
    return 1;
}

static int is_redacted(Slice text)
{
    static const char *const BEGINS[] = {"ANON", "PSEUD", "DEIDENT", "DE-IDENT", "REDACT", "REMOVED", "CONFIDENTIAL",
                                         "HIDDEN", "MASKED", "XXX"};
    static const char *const WHOLE[] = {"NONAME", "NO NAME", "NO^NAME", "NO_NAME", "UNKNOWN", "NONE", "N/A", "NA", "NULL",
                                        "NIL"};
    switch (upper(text.at[0])) {
    case '*': case '-': case '0':
        return only(text, text.at[0]);
    case 'A': case 'P': case 'D': case 'R': case 'C': case 'H': case 'M': case 'X':
        for (size_t i = 0; i < sizeof BEGINS / sizeof *BEGINS; i++)
            if (stands(text, 0, BEGINS[i])) return 1;
        return 0;
    case 'N': case 'U':
        for (size_t i = 0; i < sizeof WHOLE / sizeof *WHOLE; i++) {
            size_t size = stands(text, 0, WHOLE[i]);
            if (size && (size == text.size || !is_word(text.at[size]))) return 1;
        }
    }
    return 0;
}

static int is_phantom_word(Slice text, size_t at)
{
    static const char *const WORDS[] = {"PHANTOM", "FANTOM", "TEST", "QA", "QC", "DEMO", "DUMMY", "SAMPLE", "SAMPLES",
                                        "EXAMPLE", "CALIBRATION", "COMPRESSEDSAMPLES", "ACR"};
    switch (upper(text.at[at])) {
    case 'P': case 'F': case 'T': case 'Q': case 'D': case 'S': case 'E': case 'C': case 'A':
        for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
            size_t size = stands(text, at, WORDS[i]);
            if (size && (at + size == text.size || !is_letter(text.at[at + size]))) return 1;
        }
    }
    return 0;
}

static int is_phantom(Slice text)
{
    static const char *const BEGINS[] = {"DOE^J", "JOHN DOE", "LASTNAME", "LAST_NAME", "FIRSTNAME", "FIRST_NAME",
                                         "MUSTERMANN"};
    for (size_t i = 0; i < sizeof BEGINS / sizeof *BEGINS; i++)
        if (stands(text, 0, BEGINS[i])) return 1;
    for (size_t at = 0; at < text.size; at++) {
        int begins = !at || (!is_letter(text.at[at - 1]) && !is_digit(text.at[at - 1]));
        if (begins && is_phantom_word(text, at)) return 1;
        if (at && text.at[at - 1] == '\n') return 0; /* the pattern looks behind one line end, and no further */
    }
    return 0;
}

static int is_numbered(Slice text)
{
    size_t at = 0, from = 0;
    while (at < text.size && is_letter(text.at[at])) at++;
    if (at > 8) return 0;
    if (at) {
        for (from = at; at < text.size && at - from < 2; at++)
            if (text.at[at] != '-' && text.at[at] != '_' && text.at[at] != ' ' && text.at[at] != '^') break;
    }
    for (from = at; at < text.size && is_digit(text.at[at]); at++) {}
    if (at == from || at - from > 8) return 0;
    while (at < text.size && text.at[at] == '^') at++;
    return at == text.size;
}

static int is_uuid(Slice text)
{
    if (text.size != 36) return 0;
    for (size_t i = 0; i < 36; i++) {
        int dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text.at[i] != '-' : !is_hex(text.at[i])) return 0;
    }
    return 1;
}

static int is_object_identifier(Slice text)
{
    size_t dots = 0;
    if (text.size < 11 || text.at[0] < '0' || text.at[0] > '2' || text.at[1] != '.') return 0;
    for (size_t i = 1; i < text.size; i++) {
        if (is_digit(text.at[i])) continue;
        if (text.at[i] != '.' || i + 1 == text.size || !is_digit(text.at[i + 1])) return 0;
        dots++;
    }
    return dots >= 5;
}

int value_is_hash(Slice text)
{
    int letters = 0;
    if (text.size < 11) return 0;
    if (is_object_identifier(text) || is_uuid(text)) return 1;
    if (text.size < 16) return 0;
    for (size_t i = 0; i < text.size; i++) {
        if (!is_hex(text.at[i])) return 0;
        letters |= !is_digit(text.at[i]);
    }
    return letters;
}

static int date_appearance(int kind, Slice text)
{
    Day said;
    if (!read_day(text, &said)) return 0;
    int first = said.month == 1 && said.day == 1, made = first && kind == BIRTH_DATE ? IS_CODED : 0;
    switch (said.year) {
    case 1: case 1800: case 1900: case 1901: case 1970: case 2000:
        return first ? made | IS_REDACTED : made;
    case 1111:
        return said.month == 11 && said.day == 11 ? IS_REDACTED : made;
    }
    return made;
}

int value_appearance(int kind, uint16_t vr, Slice text)
{
    if (vr == VR('D', 'A')) return date_appearance(kind, text);
    int own = kind == PATIENT_NAME || kind == PATIENT_ID || kind == OTHER_NAMES || kind == OTHER_IDS;
    int name = kind == PATIENT_NAME || kind == OTHER_NAMES;
    return (is_redacted(text) ? IS_REDACTED : 0) | (own && is_phantom(text) ? IS_PHANTOM : 0) |
           ((name && is_numbered(text)) || value_is_hash(text) ? IS_CODED : 0);
}

/* ---- numbers */

size_t value_number(Slice text, uint8_t number[MAX_NUMBER])
{
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        switch (text.at[i]) {
        case ' ': case '-': case '.': case '/': case '(': case ')':
            continue;
        }
        if (size == MAX_NUMBER) return MAX_NUMBER + 1;
        number[size++] = upper(text.at[i]);
    }
    return size;
}

int number_is_nine_digits(const uint8_t *number, size_t size) { return size == 9 && digits(number, 9); }

/* Python-stdnum's us.ssn: no area 000, 666 or 9xx, no group 00, no serial 0000, and three that advertisements made known. */
int number_is_ssn(const uint8_t *n)
{
    if (n[0] == '9' || !memcmp(n, "000", 3) || !memcmp(n, "666", 3) || !memcmp(n + 3, "00", 2) || !memcmp(n + 5, "0000", 4))
        return 0;
    return memcmp(n, "078051120", 9) && memcmp(n, "457555462", 9) && memcmp(n, "219099999", 9);
}

static int is_date(int year, int month, int day)
{
    Day said = {year, month, day};
    return year >= 1900 && year < 2100 && is_day(&said);
}

/* Two digits of a year are of 1969 to 2068. */
static int is_short_date(int year, int month, int day) { return is_date(year + (year < 69 ? 2000 : 1900), month, day); }

int number_begins_with_a_date(const uint8_t *n)
{
    int a = two(n), b = two(n + 2), c = two(n + 4);
    return is_date(a * 100 + b, c, two(n + 6)) || is_short_date(a, b, c) || is_short_date(c, b, a);
}

/* Reads so many digits, after one separator if it may have one. Returns the place behind them, or 0. */
static size_t group(Slice text, size_t at, int separated, size_t size, uint8_t *into)
{
    if (separated && at < text.size) {
        uint8_t sign = text.at[at];
        at += sign == '-' || sign == '.' || sign == ' ' || sign == '/';
    }
    if (text.size - at < size || !digits(text.at + at, size)) return 0;
    memcpy(into, text.at + at, size);
    return at + size;
}

int value_may_hold_ssn(Slice text)
{
    uint8_t nine[9];
    for (size_t at = 0; at + 9 <= text.size;) {
        size_t end = 0;
        if (is_digit(text.at[at]) && (!at || !is_digit(text.at[at - 1])) && (end = group(text, at, 0, 3, nine)) &&
            (end = group(text, end, 1, 2, nine + 3)) && (end = group(text, end, 1, 4, nine + 5)) &&
            (end == text.size || !is_digit(text.at[end]))) {
            if (number_is_ssn(nine)) return 1;
            at = end;
        } else {
            at++;
        }
    }
    return 0;
}

int written_as(const uint8_t *text, const uint8_t *written, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t sign = upper(text[i]);
        switch (written[i]) {
        case '9': if (!is_digit(sign)) return 0; break;
        case 'A': if (!is_letter(sign)) return 0; break;
        case '?': if (!is_digit(sign) && !is_letter(sign)) return 0; break;
        default: if (sign != written[i]) return 0;
        }
    }
    return 1;
}
