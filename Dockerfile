# A static binary and nothing else. It needs a database: compose.yaml.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -tags timetzdata -ldflags '-s -w' -o /wasl ./cmd/wasl && mkdir /data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /wasl /wasl
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
ENV WASL_DATA_DIR=/data WASL_HTTP_ADDR=:8080
EXPOSE 8080
ENTRYPOINT ["/wasl"]
CMD ["serve"]
