/*
 * fuzz_email - an input is one byte, whose bits are the options, and the text of an address.
 *
 * Aborts when a text passes that breaks a size, or holds an octet that its options do not let in; when an option that lets more
 * in refuses what passed without it; or when a valid address with one more domain behind it is valid, too.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "validate/email.h"
#include "validate/utf8.h"

enum choice {
    CHOICE_COMMENTS = 1,
    CHOICE_OBSOLETE = 2,
    CHOICE_INTERNATIONAL = 4,
    CHOICE_LITERALS = 8,
    CHOICE_TLD = 16,
    CHOICE_LEGIBLE = 32
};

/* Options that let more in. The others let less. */
#define CHOICES_THAT_ADD (CHOICE_COMMENTS | CHOICE_OBSOLETE | CHOICE_INTERNATIONAL | CHOICE_LITERALS)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must hold in release builds, too. */
static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static struct email_options options_of(unsigned choice)
{
    return (struct email_options){
        .comments = (choice & CHOICE_COMMENTS) != 0,
        .obsolete = (choice & CHOICE_OBSOLETE) != 0,
        .international = (choice & CHOICE_INTERNATIONAL) != 0,
        .general_literals = (choice & CHOICE_LITERALS) != 0,
        .require_tld = (choice & CHOICE_TLD) != 0,
        .legible = (choice & CHOICE_LEGIBLE) != 0,
    };
}

static void check_valid(const uint8_t *text, size_t size, const struct email_options *options)
{
    require(size >= 3 && size <= EMAIL_TEXT_MAX && memchr(text, '@', size) != NULL);
    require(options->comments || size <= EMAIL_ADDRESS_MAX);
    for (size_t i = 0; i < size; i++) {
        require(text[i] < 0x80 || options->international);
        require((text[i] >= 0x20 && text[i] != 0x7F) || options->comments || options->obsolete);
    }
    require(utf8_valid(text, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const unsigned choice = data[0];
    const struct email_options options = options_of(choice);
    const struct email_options more = options_of(CHOICES_THAT_ADD);
    const char *text = (const char *)data + 1;
    size--;
    const enum email_status status = email_check(text, size, &options);
    require(email_status_label(status)[0] != '\0' && email_status_sentence(status)[0] != '\0');
    if (status == EMAIL_VALID) {
        check_valid(data + 1, size, &options);
        require(email_check(text, size, &more) == EMAIL_VALID);
        if (!options.comments) { /* a comment may hold anything */
            char longer[EMAIL_TEXT_MAX + 2];
            memcpy(longer, text, size);
            memcpy(longer + size, "@x", 2);
            require(email_check(longer, size + 2, &options) != EMAIL_VALID);
        }
    }
    return 0;
}
