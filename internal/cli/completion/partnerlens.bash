# source <(partnerlens completion bash)
_partnerlens() {
	local line words=("${COMP_WORDS[@]:1:COMP_CWORD}")
	# --flag=value is three words.
	if [[ ${COMP_WORDS[COMP_CWORD - 1]} == = ]]; then
		words=("${COMP_WORDS[@]:1:COMP_CWORD-2}" "${COMP_WORDS[COMP_CWORD]}")
	elif [[ ${COMP_WORDS[COMP_CWORD]} == = ]]; then
		words=("${COMP_WORDS[@]:1:COMP_CWORD-1}" "")
	fi
	COMPREPLY=()
	while IFS= read -r line; do
		COMPREPLY+=("${line%%$'\t'*}")
	done < <("${1/#\~/$HOME}" complete-words "${words[@]}" 2>/dev/null)
}
complete -o default -F _partnerlens partnerlens
