#!/usr/bin/env bash
# Give the functions on Tencent SCF a Function URL, which the component does not:
# a trigger of type http ("Creating a Function URL", Tencent Cloud docs,
# 2025-05-09). Needs tccli, configured (pip install tccli; tccli configure).
#
#   --region REGION    ap-singapore unless given
#   --auth CAM|NONE    CAM (the default): the platform accepts only requests signed with a key
#                      that may InvokeFunctionUrl. NONE: the platform accepts every request, and
#                      PARTNERLENS_KEYS alone authenticates callers
#   --endpoint HOST    of the SCF API, as scf.intl.tencentcloudapi.com; tccli's own unless given
#   --qualifier NAME   $DEFAULT unless given: the traffic of the function's default alias
#   --dry-run          print the calls and make none
#
# usage: scripts/tencent-url.sh [OPTION]… [FUNCTION…]    partnerlens-credit and partnerlens-tags unless given
set -euo pipefail

region=ap-singapore auth=CAM qualifier='$DEFAULT' endpoint= dry=
functions=()
usage() { # WHY
	echo "tencent-url.sh: $1" >&2
	sed -n 's/^# usage: /usage: /p' "$0" >&2
	exit 2
}
while [ $# -gt 0 ]; do
	case $1 in
	--region | --auth | --qualifier | --endpoint)
		[ $# -ge 2 ] || usage "$1 needs a value"
		case $1 in
		--region) region=$2 ;;
		--auth) auth=$2 ;;
		--qualifier) qualifier=$2 ;;
		--endpoint) endpoint=$2 ;;
		esac
		shift 2
		;;
	--dry-run) dry=1 && shift ;;
	-h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit 0 ;;
	-*) usage "$1 is not known" ;;
	*) functions+=("$1") && shift ;;
	esac
done
case $auth in CAM | NONE) ;; *) usage "--auth is CAM or NONE" ;; esac
[ ${#functions[@]} -gt 0 ] || functions=(partnerlens-credit partnerlens-tags)

call() { # ARGUMENT…: prints or makes one call of the SCF API
	set -- "$@" --region "$region" ${endpoint:+--endpoint "$endpoint"}
	if [ -n "$dry" ]; then
		printf 'tccli scf'
		printf ' %q' "$@"
		printf '\n'
	else
		tccli scf "$@"
	fi
}

for function in "${functions[@]}"; do
	if [ "$auth" = NONE ]; then
		# A function that relies on CAM to authenticate its callers would give the
		# customers to every caller of a URL without CAM.
		if [ -n "$dry" ]; then
			echo "# refused if this names PARTNERLENS_PLATFORM_AUTH:"
			call GetFunction --FunctionName "$function"
		else
			function_is=$(call GetFunction --FunctionName "$function")
			case $function_is in *PARTNERLENS_PLATFORM_AUTH*)
				echo "tencent-url.sh: $function has PARTNERLENS_PLATFORM_AUTH: remove it first, or every caller is accepted" >&2
				exit 1
				;;
			esac
		fi
	fi
	call CreateTrigger --FunctionName "$function" --TriggerName "$function-url" --Type http --Qualifier "$qualifier" --Enable OPEN \
		--TriggerDesc "{\"AuthType\":\"$auth\",\"NetConfig\":{\"EnableIntranet\":false,\"EnableExtranet\":true}}"
	call ListTriggers --FunctionName "$function" # its TriggerDesc has the address
done
