"""The campaign of faults: the whole product at work while processes are killed and networks break, then read and judged.

Black-box: it uses the API, the commands, Keycloak's Admin API and the mailbox; what it must read in our tables is in
`reading` alone.
"""
