"""Sockets that a thread of a test accepts on."""
import socket


def end(listener, thread):
    """The thread first: one that is about to accept would do so on whatever gets the socket's number next."""
    listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    assert not thread.is_alive(), "a thread that accepts does not end"
    listener.close()
