// The public header in C++, and that its functions have C names: compiling and linking it is the test.
#include <syncshell/syncshell.h>

extern "C" int32_t header_c99(void);

int main()
{
    syncshell_client *client = nullptr;
    syncshell_options options{};

    syncshell_options_init(&options, sizeof options);
    bool as_in_c = header_c99() == static_cast<int32_t>(options.events_max);
    bool refused = syncshell_client_new(&options, &client) == SYNCSHELL_E_ARGUMENT;
    return as_in_c && refused && !client ? 0 : 1;
}
