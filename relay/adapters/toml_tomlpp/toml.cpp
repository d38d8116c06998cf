/* The border to toml++: exceptions end here, and what crosses is malloc'd plain C. */
#include "adapters/toml_tomlpp/toml.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <toml++/toml.h>

namespace
{

/* What TOML allows, and is refused here: what a C string cannot hold, and what no setting is named like. */
struct Refused {
    toml::source_position at;
    const char *why;
};

char *duplicate(std::string_view text, const toml::node &node)
{
    if (text.find('\0') != text.npos)
        throw Refused{node.source().begin, "U+0000 has no place in a configuration"};
    auto *copy = static_cast<char *>(std::malloc(text.size() + 1));
    if (!copy)
        throw std::bad_alloc();
    std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = '\0';
    return copy;
}

void value_deinit(toml_value *value)
{
    std::free(value->key);
    std::free(value->string);
    for (char **s = value->strings; s && *s; s++)
        std::free(*s);
    std::free(value->strings);
}

/* An array of strings, or TOML_OTHER when anything else is in it. */
void take_array(const toml::array &array, toml_value *value)
{
    for (const toml::node &node : array)
        if (!node.is_string())
            return;
    value->strings = static_cast<char **>(std::calloc(array.size() + 1, sizeof(char *)));
    if (!value->strings)
        throw std::bad_alloc();
    value->type = TOML_STRINGS;
    std::size_t n = 0;
    for (const toml::node &node : array)
        value->strings[n++] = duplicate(node.as_string()->get(), node);
}

void take_value(const toml::node &node, toml_value *value)
{
    value->type = node.is_table() ? TOML_EMPTY_TABLE : TOML_OTHER;
    if (const auto *text = node.as_string()) {
        value->string = duplicate(text->get(), node);
        value->type = TOML_STRING;
    } else if (const auto *integer = node.as_integer()) {
        value->integer = integer->get();
        value->type = TOML_INTEGER;
    } else if (const auto *boolean = node.as_boolean()) {
        value->boolean = boolean->get();
        value->type = TOML_BOOLEAN;
    } else if (const auto *array = node.as_array()) {
        take_array(*array, value);
    }
}

/* The values collected so far; frees them unless they are handed over. */
struct Collector {
    std::vector<toml_value> values;

    ~Collector()
    {
        for (toml_value &value : values)
            value_deinit(&value);
    }

    toml_value *add(const std::string &name, const toml::node &node, std::uint32_t number)
    {
        values.push_back(toml_value{});
        toml_value *value = &values.back();
        value->key = duplicate(name, node);
        value->line = node.source().begin.line;
        value->table = number;
        return value;
    }

    /* `number`: of the table in its array; 0 outside of any. */
    void walk(const toml::table &table, const std::string &prefix, std::uint32_t number,
              unsigned depth)
    {
        if (depth == TOML_DEPTH_MAX)
            throw Refused{table.source().begin, "nested too deeply"};
        for (const auto &[key, node] : table) {
            const std::string name =
                prefix.empty() ? std::string(key.str()) : prefix + "." + std::string(key.str());
            if (const toml::table *inner = node.as_table(); inner && !inner->empty())
                walk(*inner, name, number, depth + 1);
            else if (number == 0 && node.is_array_of_tables())
                walk_tables(*node.as_array(), name, depth + 1);
            else
                take_value(node, add(name, node, number));
        }
    }

    void walk_tables(const toml::array &tables, const std::string &name, unsigned depth)
    {
        std::uint32_t number = 0;
        for (const toml::node &node : tables) {
            add(name, node, ++number)->type = TOML_TABLE;
            walk(*node.as_table(), name, number, depth);
        }
    }

    void hand_over(toml_document *document)
    {
        auto by_line = [](const toml_value &a, const toml_value &b) { return a.line < b.line; };
        std::stable_sort(values.begin(), values.end(), by_line);
        document->values =
            static_cast<toml_value *>(std::calloc(values.size() + 1, sizeof(toml_value)));
        if (!document->values)
            throw std::bad_alloc();
        std::copy(values.begin(), values.end(), document->values);
        document->n_values = values.size();
        values.clear();
    }
};

int fail(toml_error *error, std::uint32_t line, std::uint32_t column, const char *text, int result)
{
    *error = toml_error{};
    error->line = line;
    error->column = column;
    std::strncpy(error->text, text, sizeof error->text - 1);
    return result;
}

int read_file(const char *path, std::string *ret_text)
{
    const std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen(path, "rbe"),
                                                                std::fclose);
    char part[4096];
    std::string text;
    if (!file)
        return -errno;
    while (const std::size_t n = std::fread(part, 1, sizeof part, file.get())) {
        text.append(part, n);
        if (text.size() > TOML_FILE_BYTES_MAX)
            return -EFBIG;
    }
    if (std::ferror(file.get()))
        return errno ? -errno : -EIO;
    /* toml++ bounds the depth of brackets, not that of a.b.c: it frees such tables by recursion, until the stack is used up. */
    if (std::count(text.begin(), text.end(), '.') > TOML_DOTS_MAX)
        return -EFBIG;
    *ret_text = std::move(text);
    return 0;
}

} // namespace

int toml_load(toml_document *ret_document, const char *path, toml_error *ret_error)
{
    try {
        std::string text;
        const int r = read_file(path, &text);
        if (r < 0)
            return fail(ret_error, 0, 0, std::strerror(-r), r);
        const toml::table table = toml::parse(text, std::string_view(path));
        Collector collector;
        collector.walk(table, "", 0, 0);
        collector.hand_over(ret_document);
        return 0;
    } catch (const toml::parse_error &error) {
        const auto &at = error.source().begin;
        return fail(ret_error, at.line, at.column, std::string(error.description()).c_str(),
                    -EINVAL);
    } catch (const Refused &refused) {
        return fail(ret_error, refused.at.line, refused.at.column, refused.why, -EINVAL);
    } catch (const std::bad_alloc &) {
        return fail(ret_error, 0, 0, "out of memory", -ENOMEM);
    } catch (const std::exception &error) {
        return fail(ret_error, 0, 0, error.what(), -EIO);
    }
}

void toml_document_deinit(toml_document *d)
{
    for (std::size_t i = 0; i < d->n_values; i++)
        value_deinit(&d->values[i]);
    std::free(d->values);
    *d = toml_document{};
}
