# Prints every hook in a directory, its permissions and its content.
cd "$1"
find . -type f ! -name '*.sample' ! -path './_/*' | sort | while read -r file; do
	stat -c '%n %a' "$file"
	cat "$file"
done
