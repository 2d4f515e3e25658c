/* Runs the rules of schemes. identifiers/instructions.py describes the language; the two change together. */

#include "programs.h"

#include <stdbool.h>

enum { LET, VALUES, NUMBER, SUM, FOLD, MOD, WALK, KINDS, IN, SIGN, DATE, EITHER };
enum { HEAD = 3, NONE = 255, PLAIN = 'Z' - '0' + 1 };

static const int64_t LIMIT = (int64_t)1 << 53; /* what a total stays below, and 255 times it still fits */
static const uint8_t plain[PLAIN] = {0,    1,    2,  3,  4,  5,  6,  7,  8,  9,  NONE, NONE, NONE, NONE, NONE,
                                     NONE, NONE, 10, 11, 12, 13, 14, 15, 16, 17, 18,   19,   20,   21,   22,
                                     23,   24,   25, 26, 27, 28, 29, 30, 31, 32, 33,   34,   35};

typedef struct {
    const uint8_t *number, *values; /* `values` of the signs from `first` on */
    size_t length, count;
    uint8_t first;
    int64_t total;
} Machine;

static void values_are(Machine *m, uint8_t first, const uint8_t *values, size_t count)
{
    m->first = first;
    m->values = values;
    m->count = count;
}

/* What the sign at a place is worth, or NONE. */
static unsigned value(const Machine *m, size_t at)
{
    if (at >= m->length || m->number[at] < m->first) return NONE;
    size_t sign = (size_t)(m->number[at] - m->first);
    return sign < m->count ? m->values[sign] : NONE;
}

static bool number(Machine *m, const uint8_t *operand, size_t size)
{
    if (size != 3) return false;
    for (size_t i = 0; i < operand[1]; i++) {
        unsigned one = value(m, operand[0] + i);
        if (one == NONE || m->total < 0 || m->total >= LIMIT) return false;
        m->total = m->total * operand[2] + one;
    }
    return true;
}

static bool sum(Machine *m, const uint8_t *operand, size_t size, bool folded)
{
    for (size_t i = 1; i < size; i++) {
        unsigned one = value(m, operand[0] + i - 1);
        if (one == NONE) return false;
        int product = (int)one * (operand[i] - (operand[i] > 127 ? 256 : 0));
        m->total += folded && product > 9 ? product - 9 : product;
    }
    return m->total < LIMIT && m->total > -LIMIT;
}

static bool mod(Machine *m, const uint8_t *operand, size_t size)
{
    int64_t by = size == 2 ? operand[0] | operand[1] << 8 : 0;
    if (!by) return false;
    m->total %= by;
    if (m->total < 0) m->total += by;
    return true;
}

static bool walk(Machine *m, const uint8_t *operand, size_t size)
{
    if (size < 2 + 100 + 10) return false;
    const uint8_t *steps = operand + 2, *turns = steps + 100;
    size_t rows = (size - 2 - 100) / 10;
    for (size_t i = 0; i < operand[1]; i++) {
        unsigned one = value(m, operand[0] + i);
        if (one > 9 || m->total < 0 || m->total > 9) return false;
        unsigned turned = turns[i % rows * 10 + one];
        if (turned > 9) return false;
        m->total = steps[m->total * 10 + turned];
    }
    return true;
}

static bool kinds(Machine *m, const uint8_t *operand, size_t size)
{
    unsigned counts[36] = {0}, distinct = 0, most = 0;
    if (size != 2) return false;
    for (size_t i = 0; i < operand[1]; i++) {
        unsigned one = value(m, operand[0] + i);
        if (one >= 36) return false;
        distinct += counts[one] == 0;
        if (++counts[one] > most) most = counts[one];
    }
    m->total = distinct * 256 + most;
    return true;
}

static uint32_t four(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static bool in(const Machine *m, const uint8_t *operand, size_t size)
{
    for (size_t i = 0; i + 8 <= size; i += 8)
        if (m->total >= four(operand + i) && m->total <= four(operand + i + 4)) return true;
    return false;
}

static bool sign(const Machine *m, const uint8_t *operand, size_t size)
{
    if (!size || operand[0] >= m->length || m->total < 0 || m->total >= (int64_t)size - 1) return false;
    return m->number[operand[0]] == operand[1 + m->total];
}

static bool date(const Machine *m, const uint8_t *operand, size_t size)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (size != 4 || m->total < 10000 || m->total > four(operand) || m->total > 99991231) return false;
    unsigned all = (unsigned)m->total, year = all / 10000, month = all / 100 % 100, day = all % 100;
    if (month < 1 || month > 12 || day < 1) return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= days[month - 1] + (unsigned)(month == 2 && leap);
}

/* Whether the number passes one instruction. A test leaves no total behind. */
static bool passes(Machine *m, uint8_t code, const uint8_t *operand, size_t size)
{
    bool passed = false;
    switch (code) {
    case LET:
        if (size == 1) m->total = operand[0];
        return size == 1;
    case VALUES:
        if (size) values_are(m, operand[0], operand + 1, size - 1);
        return size > 0;
    case NUMBER: passed = number(m, operand, size); break;
    case SUM: passed = sum(m, operand, size, false); break;
    case FOLD: passed = sum(m, operand, size, true); break;
    case MOD: passed = mod(m, operand, size); break;
    case WALK: passed = walk(m, operand, size); break;
    case KINDS: passed = kinds(m, operand, size); break;
    case IN: passed = in(m, operand, size); m->total = 0; break;
    case SIGN: passed = sign(m, operand, size); m->total = 0; break;
    case DATE: passed = date(m, operand, size); m->total = 0; break;
    }
    values_are(m, '0', plain, PLAIN);
    return passed;
}

int program_valid(const uint8_t *program, size_t size, const uint8_t *number, size_t length)
{
    Machine m = {number, plain, length, PLAIN, '0', 0};
    size_t at = 0, end = size, otherwise = 0; /* where to go on if a test fails; 0: nowhere */
    while (at < end) {
        if (end - at < HEAD) return 0;
        size_t here = at + HEAD, operands = (size_t)(program[at + 1] | program[at + 2] << 8);
        if (operands > end - here) return 0;
        at = here + operands;
        if (program[here - HEAD] == EITHER) {
            end = otherwise = at;
            at = here;
        } else if (!passes(&m, program[here - HEAD], program + here, operands)) {
            if (!otherwise) return 0;
            at = otherwise;
            end = size;
            otherwise = 0;
            m.total = 0;
            values_are(&m, '0', plain, PLAIN);
        }
    }
    return 1;
}
