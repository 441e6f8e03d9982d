# The HTTP API of both functions, and the watch, with nothing else in it:
#
#   scripts/build.sh
#   docker build -t partnerlens .
#   docker run --rm -p 127.0.0.1:8080:8080 -e PARTNERLENS_… partnerlens
#   docker run --rm -e PARTNERLENS_… partnerlens watch
#
# The binary comes from scripts/build.sh, so that it is the same bytes everywhere
# and the build needs no network. --build-arg TARGETARCH=arm64 where the builder
# does not set it.
FROM scratch
ARG TARGETARCH=amd64
COPY dist/container/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY dist/container/${TARGETARCH}/partnerlens /partnerlens
# Empty, and what a new volume for runs is made like: nobody's, too.
COPY --chown=65532:65532 dist/container/runs /runs
# Nobody's: there is no /etc/passwd for a name to stand in.
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=2s CMD ["/partnerlens", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/partnerlens"]
CMD ["serve", "--listen", "0.0.0.0:8080"]
