/*
 * ip_text - whether a text is an IP address: IPv4 with four decimal parts (RFC 2673 §3.2), IPv6 (RFC 4291 §2.2). Pure: any
 * thread.
 */
#ifndef PORTCULLIS_VALIDATE_IP_TEXT_H
#define PORTCULLIS_VALIDATE_IP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

bool ip_text_is_v4(const char *text, size_t size);
bool ip_text_is_v6(const char *text, size_t size);

#endif
