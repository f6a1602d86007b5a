/*
 * email - whether a text is an e-mail address, and if not, what is wrong with it.
 *
 * What is taken by itself is the Mailbox of RFC 5321 §4.1.2, as mail servers take it: dot-atoms, quoted local parts, domain names
 * and address literals. Options add what RFC 5322 writes around it, what its §4 still reads of old times, and the characters of
 * RFC 6531; others ask for more. Nothing is looked up: a domain that fits the grammar need not exist.
 *
 * One pass, without recursion, over at most EMAIL_TEXT_MAX bytes. Domains beyond ASCII cost what `idn` costs, which is some memory
 * and 10 KiB of stack; nothing else needs memory. Pure functions: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_EMAIL_H
#define PORTCULLIS_VALIDATE_EMAIL_H

#include <stdbool.h>
#include <stddef.h>

/* Sizes in octets: RFC 5321 §4.5.3.1.1 and .2, RFC 1035 §2.3.4. A path of 256 octets has angle brackets round the address. */
#define EMAIL_LOCAL_MAX   64
#define EMAIL_DOMAIN_MAX  255
#define EMAIL_LABEL_MAX   63
#define EMAIL_ADDRESS_MAX 254

/* A longer text is refused without a look at it. Comments and white space count here, and nowhere else: a line of a message has
 * no more (RFC 5322 §2.1.1). */
#define EMAIL_TEXT_MAX 998

struct email_options {
    bool comments; /* "(...)" and folding white space around the parts: CFWS, RFC 5322 §3.2.2 */
    bool
        obsolete; /* RFC 5322 §4: quoted words between dots, control characters; with `comments`, CFWS around dots. Literals with
                    * "::" for one group, RFC 5952 §4.2.2 */
    bool international; /* UTF-8 in the local part, U-labels in the domain: RFC 6531 §3.3 */
    bool
        general_literals; /* literals of any tag; RFC 5321 §4.1.3 wants it registered, and "IPv6" is the only one that is */
    bool
        require_tld; /* two labels at least, and the last not of digits alone, as RFC 3696 §2 has it of names in the DNS */
    bool
        legible; /* no characters that nobody sees, that turn text round, or that pass for a space or a dot: RFC 6531 lets
                   * them into local parts, where a reader may take one address for another */
};

/* Name, label for machines, sentence for people. */
#define EMAIL_STATUS_TABLE(X)                                                                                  \
    X(VALID, "valid", "The address is valid.")                                                                 \
    X(EMPTY, "empty", "There is no text.")                                                                     \
    X(TOO_LONG, "too_long", "The address has more than 254 octets.")                                           \
    X(NOT_ASCII, "not_ascii", "The address has characters beyond ASCII.")                                      \
    X(BAD_UTF8, "bad_utf8", "The address is not well-formed UTF-8.")                                           \
    X(CHARACTER, "character", "A character beyond ASCII is invisible, or passes for a space or a dot.")        \
    X(NO_AT, "no_at", "There is no @ behind the local part.")                                                  \
    X(SECOND_AT, "second_at", "There is a second @ outside of quotes.")                                        \
    X(CONTROL, "control", "There is a control character.")                                                     \
    X(WHITE_SPACE, "white_space", "There is white space outside of quotes.")                                   \
    X(FOLDING, "folding", "There is an end of line that is not CR LF with a space or tab behind it.")          \
    X(COMMENT, "comment", "There is a comment.")                                                               \
    X(COMMENT_CHARACTER, "comment_character", "A character may not be in a comment.")                          \
    X(COMMENT_OPEN, "comment_open", "A comment is not closed.")                                                \
    X(OBSOLETE, "obsolete", "The form is obsolete: RFC 5322 section 4.")                                       \
    X(TEXT_AFTER, "text_after",                                                                                \
      "Text follows where only a dot, an @ or the end may: behind quotes, brackets or a gap.")                 \
    X(LOCAL_EMPTY, "local_empty", "There is nothing in front of the @.")                                       \
    X(LOCAL_CHARACTER, "local_character", "A character may not be in the local part without quotes.")          \
    X(LOCAL_DOT_FIRST, "local_dot_first", "The local part starts with a dot.")                                 \
    X(LOCAL_DOT_LAST, "local_dot_last", "The local part ends with a dot.")                                     \
    X(LOCAL_DOTS, "local_dots", "The local part has two dots in a row.")                                       \
    X(LOCAL_TOO_LONG, "local_too_long", "The local part has more than 64 octets.")                             \
    X(QUOTE_OPEN, "quote_open", "The quotes of the local part are not closed.")                                \
    X(QUOTE_CHARACTER, "quote_character", "A character may not be between quotes, or not behind a backslash.") \
    X(DOMAIN_EMPTY, "domain_empty", "There is nothing behind the @.")                                          \
    X(DOMAIN_CHARACTER, "domain_character", "A character may not be in a domain name.")                        \
    X(DOMAIN_DOT_FIRST, "domain_dot_first", "The domain starts with a dot.")                                   \
    X(DOMAIN_DOT_LAST, "domain_dot_last", "The domain ends with a dot.")                                       \
    X(DOMAIN_DOTS, "domain_dots", "The domain has two dots in a row.")                                         \
    X(DOMAIN_HYPHEN, "domain_hyphen", "A label of the domain starts or ends with a hyphen.")                   \
    X(DOMAIN_TOO_LONG, "domain_too_long", "The domain has more than 255 octets, or 253 in A-labels.")          \
    X(LABEL_TOO_LONG, "label_too_long", "A label of the domain has more than 63 octets.")                      \
    X(DOMAIN_IDN, "domain_idn", "The domain is no internationalized one: RFC 5890 to 5893.")                   \
    X(TLD_MISSING, "tld_missing", "The domain has one label only.")                                            \
    X(TLD_NUMERIC, "tld_numeric", "The last label of the domain has digits only.")                             \
    X(LITERAL_OPEN, "literal_open", "The brackets of the address literal are not closed.")                     \
    X(LITERAL_CHARACTER, "literal_character", "A character may not be in an address literal.")                 \
    X(LITERAL_IPV4, "literal_ipv4", "The address literal has no tag and is no IPv4 address.")                  \
    X(LITERAL_IPV6, "literal_ipv6", "The address literal is no IPv6 address.")                                 \
    X(LITERAL_ELISION, "literal_elision", "A :: in the IPv6 address stands for one group only.")               \
    X(LITERAL_TAG, "literal_tag", "The address literal has an unknown tag.")                                   \
    X(NO_MEMORY, "no_memory", "There is no memory to check the domain.")

enum email_status {
#define EMAIL_STATUS_NAME(name, label, sentence) EMAIL_##name,
    EMAIL_STATUS_TABLE(EMAIL_STATUS_NAME)
#undef EMAIL_STATUS_NAME
};

/* `text` need not end with a NUL, and may hold some. `options` NULL: none of them. What is told is the first thing wrong from
 * the left, except that text of the wrong character set is told before all else, and parts that are too long when they end. */
__attribute__((warn_unused_result)) enum email_status email_check(const char *text, size_t size,
                                                                  const struct email_options *options);

/* Static text. */
const char *email_status_label(enum email_status status);
const char *email_status_sentence(enum email_status status);

#endif
