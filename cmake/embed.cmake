# lib/libheadrace.so: the C ABI of src/headrace/embed/headrace.h and nothing else to be seen from outside.

set(exports ${CMAKE_BINARY_DIR}/generated/libheadrace.map)
file(WRITE ${exports} "{ global: headrace_*; local: *; };\n")
# Of its own, not from the room's library: nothing in here calls these functions, so the linker would leave them out.
add_library(headrace_library SHARED ${CMAKE_SOURCE_DIR}/src/headrace/embed/headrace.cc ${CMAKE_SOURCE_DIR}/src/headrace/embed/fit.cc)
target_compile_options(headrace_library PRIVATE ${HEADRACE_WARNINGS})
target_link_libraries(headrace_library PRIVATE headrace_embed nanoarrow nlohmann_json::nlohmann_json)
target_link_options(headrace_library PRIVATE -Wl,--version-script=${exports} -Wl,--disable-new-dtags -Wl,--gc-sections)
set_target_properties(headrace_library PROPERTIES OUTPUT_NAME headrace LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib LINK_DEPENDS ${exports}
                      BUILD_RPATH "$ORIGIN" INSTALL_RPATH "$ORIGIN/headrace:$ORIGIN")
