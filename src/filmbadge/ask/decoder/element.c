#include "element.h"

#include <string.h>

enum { MAX_DIGITS = 15 };

typedef struct { const uint8_t *at, *end; } Rest;

/* The next sign after white space, or -1. */
static int next(Rest *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r')) r->at++;
    return r->at < r->end ? *r->at : -1;
}

static int sign(Rest *r, int wanted)
{
    if (next(r) != wanted) return -1;
    r->at++;
    return 0;
}

static int string(Rest *r, Slice *found)
{
    if (sign(r, '"') < 0) return -1;
    const uint8_t *at = r->at;
    while (at < r->end && *at != '"') {
        if (*at < 0x20 || *at > 0x7e || *at == '\\') return -1;
        at++;
    }
    if (at == r->end) return -1;
    *found = (Slice){r->at, (size_t)(at - r->at)};
    r->at = at + 1;
    return 0;
}

static int is(Slice text, const char *wanted)
{
    size_t size = strlen(wanted);
    return text.size == size && !memcmp(text.at, wanted, size);
}

static int null(Rest *r)
{
    if (r->end - r->at < 4 || memcmp(r->at, "null", 4)) return -1;
    r->at += 4;
    return 0;
}

/* An integer without a sign that is not written in another way too. */
static int number(Rest *r, Slice *found)
{
    const uint8_t *at = r->at;
    while (at < r->end && *at >= '0' && *at <= '9') at++;
    *found = (Slice){r->at, (size_t)(at - r->at)};
    if (!found->size || found->size > MAX_DIGITS || (found->size > 1 && found->at[0] == '0')) return -1;
    r->at = at;
    return ELEMENT_NUMBER;
}

static int name(Rest *r, Slice *found)
{
    Slice key;
    r->at++;
    if (next(r) == '}') {
        r->at++;
        return 0;
    }
    if (string(r, &key) < 0 || !is(key, "Alphabetic") || sign(r, ':') < 0) return -1;
    if ((next(r) == 'n' ? null(r) : string(r, found)) < 0 || sign(r, '}') < 0) return -1;
    while (found->size && found->at[found->size - 1] == '=') found->size--;
    return found->size ? ELEMENT_NAME : 0;
}

/* The one value of an array, or none. */
static int only(Rest *r, Slice *found)
{
    if (sign(r, '[') < 0) return -1;
    int first = next(r), made = 0;
    if (first == '"') made = string(r, found) < 0 ? -1 : ELEMENT_STRING;
    else if (first == '{') made = name(r, found);
    else if (first == 'n') made = null(r);
    else if (first != ']') made = number(r, found);
    return made < 0 || sign(r, ']') < 0 ? -1 : made;
}

int element_text(Slice element, Slice *text)
{
    Rest rest = {element.at, element.at + element.size};
    Slice key, other;
    int made = 0, comes = 0;
    *text = (Slice){NULL, 0};
    if (!element.size) return 0;
    if (sign(&rest, '{') < 0) return -1;
    if (next(&rest) == '}') {
        rest.at++;
        return next(&rest) < 0 ? 0 : -1;
    }
    for (;;) {
        if (next(&rest) != '"' || string(&rest, &key) < 0 || sign(&rest, ':') < 0) return -1;
        if (is(key, "Value")) {
            if (comes++ || (made = only(&rest, text)) < 0) return -1;
        } else if (string(&rest, &other) < 0) {
            return -1;
        }
        if (next(&rest) == '}') break;
        if (sign(&rest, ',') < 0) return -1;
    }
    rest.at++;
    return next(&rest) < 0 ? made : -1;
}
