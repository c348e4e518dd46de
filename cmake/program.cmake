# build/bin/headrace, and the programs that only tests run: each tests/tools/NAME.cc becomes build/bin/NAME.

set(all_rooms ${HEADRACE_ROOMS})
list(REVERSE all_rooms)

# The old kind of run path also serves what a library loaded later needs (lib_lightgbm.so wants libgomp.so.1). $ORIGIN
# is the folder of the program's real file, so a moved, renamed or linked program still finds its libraries.
function(headrace_program name)
  add_executable(${name} ${ARGN})
  target_compile_options(${name} PRIVATE ${HEADRACE_WARNINGS})
  target_link_libraries(${name} PRIVATE ${all_rooms})
  target_link_options(${name} PRIVATE -Wl,--disable-new-dtags)
  set_target_properties(${name} PROPERTIES BUILD_RPATH "$ORIGIN/../lib" INSTALL_RPATH "$ORIGIN/../lib/headrace")
endfunction()

if(EXISTS ${CMAKE_SOURCE_DIR}/src/headrace/cli/main.cc)
  headrace_program(headrace src/headrace/cli/main.cc)
endif()

file(GLOB tools CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/tools/*.cc)
foreach(tool ${tools})
  get_filename_component(name ${tool} NAME_WE)
  headrace_program(${name} ${tool})
  target_compile_definitions(${name} PRIVATE HEADRACE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endforeach()
