"""The result files of scanners and search engines, recognised by what they hold.

`recognise` looks at the beginning of a file, whatever its name, and says which reader takes it. A reader is handed the
bytes of the file in pieces and gives what it names as `Seen`, one port at a time. It holds one record at a time, so its
memory does not grow with the file. All of them raise `Fault` at the first thing that is wrong.
"""
