"""Getting files of weights onto this machine, and knowing on every load that they are the right ones.

``url.py`` fetches from an address, ``hub.py`` from a repository of the Hugging Face hub. Whatever they give was hashed
just now and agrees with everybody who has said what its hash must be: the caller, the hub, and ``weights.lock.json``,
which keeps what came on the first use.
"""
