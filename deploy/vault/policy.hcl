# All that a gateway, a node or a client needs of Vault or OpenBao: to have a certificate signed by one role of the PKI,
# and to keep its log-in alive and end it. `setup` fills in the two names and writes it once for each AppRole.
# Unwrapping a secret id needs nothing: the wrapping token permits it.
path "@PKI@/sign/@ROLE@" {
  capabilities = ["create", "update"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}

path "auth/token/revoke-self" {
  capabilities = ["update"]
}
