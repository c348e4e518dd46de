# Tests that are not GoogleTest programs of a room (those are in rooms.cmake). Each gets in its environment
#   HEADRACE           the program, build/bin/headrace
#   HEADRACE_BIN_DIR   its folder, where the programs of tests/tools lie too
#   HEADRACE_SOURCE    the repository
# and runs in the repository's root.
#
#   tests/oracle/test_*.py, tests/e2e/test_*.py   pytest, one entry a file (`oracle.NAME`, `e2e.NAME`)
#   tests/e2e/*.sh                                one entry a script, by its exit code
#   tests/long/*.sh, tests/long/*.py              the same, labelled `long`: `make test-long` only

set(HEADRACE_PYTHON "" CACHE FILEPATH "Python of the tests' venv; `make test` makes one and sets this")

function(headrace_test name)
  add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT 900 ENVIRONMENT
    "HEADRACE=${CMAKE_BINARY_DIR}/bin/headrace;HEADRACE_BIN_DIR=${CMAKE_BINARY_DIR}/bin;HEADRACE_SOURCE=${CMAKE_SOURCE_DIR}")
endfunction()

find_program(HEADRACE_SYSTEM_PYTHON python3 REQUIRED)
headrace_test(house.includes ${HEADRACE_SYSTEM_PYTHON} scripts/check_includes.py)
headrace_test(house.includes_rule ${HEADRACE_SYSTEM_PYTHON} scripts/check_includes_test.py)
headrace_test(house.fetch ${HEADRACE_SYSTEM_PYTHON} scripts/fetch_test.py)

foreach(folder oracle e2e)
  file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${folder}/test_*.py)
  if(HEADRACE_PYTHON)
    foreach(script ${scripts})
      get_filename_component(name ${script} NAME_WE)
      string(REGEX REPLACE "^test_" "" name ${name})
      headrace_test(${folder}.${name} ${HEADRACE_PYTHON} -m pytest -q --tb=short -p no:cacheprovider ${script})
    endforeach()
  endif()
  file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${folder}/*.sh)
  foreach(script ${scripts})
    get_filename_component(name ${script} NAME_WE)
    headrace_test(${folder}.${name} bash ${script})
  endforeach()
endforeach()

file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/long/*.sh)
foreach(script ${scripts})
  get_filename_component(name ${script} NAME_WE)
  headrace_test(long.${name} bash ${script})
  set_tests_properties(long.${name} PROPERTIES LABELS long TIMEOUT 7200)
endforeach()
if(HEADRACE_PYTHON)
  file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/long/*.py)
  foreach(script ${scripts})
    get_filename_component(name ${script} NAME_WE)
    headrace_test(long.${name} ${HEADRACE_PYTHON} ${script})
    set_tests_properties(long.${name} PROPERTIES LABELS long TIMEOUT 7200)
  endforeach()
endif()

# tests/simulator: `simulator_test` holds some hundred seeds and finds the bugs put in on purpose; `long.simulator` goes through HEADRACE_SIMULATOR_SEEDS of them.
set(HEADRACE_SIMULATOR_SEEDS 10000 CACHE STRING "seeds of the long run of the simulator")
file(GLOB simulator CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/simulator/*.cc)
list(FILTER simulator EXCLUDE REGEX "/(simulate|simulator_test)\\.cc$")
add_library(headrace_simulator STATIC ${simulator})
target_compile_options(headrace_simulator PRIVATE ${HEADRACE_WARNINGS})
target_link_libraries(headrace_simulator PUBLIC headrace_schedule headrace_run SQLite::SQLite3)
add_executable(simulator_test tests/simulator/simulator_test.cc)
target_link_libraries(simulator_test PRIVATE headrace_simulator GTest::gmock GTest::gtest_main)
add_executable(simulate tests/simulator/simulate.cc)
target_link_libraries(simulate PRIVATE headrace_simulator)
foreach(program simulator_test simulate)
  target_compile_options(${program} PRIVATE ${HEADRACE_WARNINGS})
  target_link_options(${program} PRIVATE -Wl,--disable-new-dtags)
  set_target_properties(${program} PROPERTIES BUILD_RPATH "$ORIGIN/../lib")
endforeach()
gtest_discover_tests(simulator_test DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 120 PROPERTIES TIMEOUT 600)
headrace_test(long.simulator ${CMAKE_BINARY_DIR}/bin/simulate --jobs 2 --seeds ${HEADRACE_SIMULATOR_SEEDS})
set_tests_properties(long.simulator PROPERTIES LABELS long TIMEOUT 7200)
