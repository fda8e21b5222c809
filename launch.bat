@echo off
rem Finds a Python that is new enough and hands over to run_all.py, which holds the logic.
setlocal
set "ENGRAM_LAUNCHER=launch.bat"
for %%P in ("py -3" "python3" "python") do (
  %%~P -c "import sys; sys.exit(sys.version_info < (3, 11))" >nul 2>nul
  if not errorlevel 1 (
    %%~P "%~dp0run_all.py" %*
    goto :done
  )
)
echo Engram needs Python 3.11 or newer, and none was found. Install one, then run this again: 1>&2
echo   winget install Python.Python.3.11 1>&2
exit /b 1
:done
exit /b %ERRORLEVEL%
