/*
 * email_check - `portcullis-email-check`: an address a line on standard input, a diagnosis a line on standard output, in order.
 * So that the check can be used, and compared with others, by itself. One thread.
 *
 * A line ends with LF, or by option with NUL, which alone is no part of the address; the last need not. Whatever a line's size, what
 * is kept of it is bounded.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/version.h"
#include "validate/email.h"

#define EXIT_USAGE 2

struct request {
    struct email_options options;
    int end; /* the byte behind each address */
    bool explain;
};

struct line {
    char text[EMAIL_TEXT_MAX + 1]; /* one more than may be, by which a longer one is known */
    size_t size;
};

static void print_help(FILE *out)
{
    fputs("usage: portcullis-email-check [OPTION]...\n"
          "\n"
          "Reads an e-mail address a line; answers each with a line: \"valid\", or what is wrong with it.\n"
          "\n"
          "  -c, --comments          take comments and folding white space (RFC 5322 section 3.2.2)\n"
          "  -o, --obsolete          take obsolete forms (RFC 5322 section 4)\n"
          "  -i, --international     take UTF-8 (RFC 6531)\n"
          "  -g, --general-literals  take address literals of any tag\n"
          "  -t, --require-tld       ask for two labels, the last not of digits alone\n"
          "  -l, --legible           refuse characters that nobody sees, or that pass for others\n"
          "  -e, --explain           a tab and a sentence behind each diagnosis\n"
          "  -0, --null              addresses end with NUL, so that they can hold ends of lines\n"
          "  -V, --version           print the version\n"
          "  -h, --help              print this\n"
          "\n"
          "Exit codes: 0 all lines are answered, 1 they could not be read or answered, 2 the command line is wrong.\n",
          out);
}

/* False: there is no line any more. */
static bool read_line(int end, struct line *line)
{
    int byte = getchar();
    if (byte == EOF) {
        return false;
    }
    line->size = 0;
    for (; byte != EOF && byte != end; byte = getchar()) {
        if (line->size < sizeof(line->text)) {
            line->text[line->size++] = (char)byte;
        }
    }
    return true;
}

static bool answer(enum email_status status, bool explain)
{
    const int printed = explain ? printf("%s\t%s\n", email_status_label(status), email_status_sentence(status))
                                : printf("%s\n", email_status_label(status));
    return printed > 0;
}

static int check_lines(const struct request *request)
{
    struct line line;
    bool ok = setvbuf(stdout, NULL, _IOLBF, BUFSIZ) == 0; /* who asks line by line is answered line by line */
    while (ok && read_line(request->end, &line)) {
        ok = answer(email_check(line.text, line.size, &request->options), request->explain);
    }
    if (!ok || ferror(stdin) || fflush(stdout) != 0) {
        perror("portcullis-email-check");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

/* False: there is no such option. */
static bool take_option(int code, struct request *request)
{
    switch (code) {
    case 'c':
        request->options.comments = true;
        return true;
    case 'o':
        request->options.obsolete = true;
        return true;
    case 'i':
        request->options.international = true;
        return true;
    case 'g':
        request->options.general_literals = true;
        return true;
    case 't':
        request->options.require_tld = true;
        return true;
    case 'l':
        request->options.legible = true;
        return true;
    case 'e':
        request->explain = true;
        return true;
    case '0':
        request->end = '\0';
        return true;
    default:
        return false;
    }
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"comments", no_argument, NULL, 'c'},
        {"obsolete", no_argument, NULL, 'o'},
        {"international", no_argument, NULL, 'i'},
        {"general-literals", no_argument, NULL, 'g'},
        {"require-tld", no_argument, NULL, 't'},
        {"legible", no_argument, NULL, 'l'},
        {"explain", no_argument, NULL, 'e'},
        {"null", no_argument, NULL, '0'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct request request = {.end = '\n'};
    int code;
    while ((code = getopt_long(argc, argv, "coigtle0Vh", known, NULL)) != -1) {
        if (code == 'V') {
            puts("portcullis-email-check " PORTCULLIS_VERSION);
            return EXIT_SUCCESS;
        }
        if (code == 'h') {
            print_help(stdout);
            return EXIT_SUCCESS;
        }
        if (!take_option(code, &request)) {
            print_help(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    return check_lines(&request);
}
