/*
 * place - where in the file something stands, for messages. Called by check.c and check_tls.c.
 */
#include "server/config/check_private.h"

#include <string.h>

void place_go(struct place *place, const char *name, size_t index)
{
    struct path *node = &place->nodes[place->depth++];
    *node = (struct path){.parent = place->path, .name = name, .index = index};
    node->name_size = name != NULL ? strlen(name) : 0;
    place->path = node;
    if (place->setting != NULL) {
        place->setting = name != NULL ? config_setting_get_member(place->setting, name)
                                      : config_setting_get_elem(place->setting, (unsigned)index);
    }
    if (place->setting != NULL) {
        place->line = config_setting_source_line(place->setting);
    }
}

void place_of(struct place *place, const struct check *check, const char *section, const char *key)
{
    *place = (struct place){.setting = config_root_setting(check->tree)};
    place_go(place, section, 0);
    if (key != NULL) {
        place_go(place, key, 0);
    }
}

void place_of_member(struct place *place, const struct check *check, const char *section, const char *key, size_t index,
                     const char *member)
{
    place_of(place, check, section, key);
    place_go(place, NULL, index);
    place_go(place, member, 0);
}
