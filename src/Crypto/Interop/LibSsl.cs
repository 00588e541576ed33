using System.Runtime.InteropServices;

namespace Gateway.Crypto.Interop;

/// <summary>The functions of OpenSSL 3's libssl for TLS without a socket: EAP-TLS carries the records (RFC 5216).</summary>
internal static unsafe partial class LibSsl
{
    private const string Library = "libssl.so.3";

    internal const int SSL_CTRL_EXTRA_CHAIN_CERT = 14;
    internal const int SSL_CTRL_SET_SESS_CACHE_MODE = 44;
    internal const int SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
    internal const int SSL_CTRL_SET_MAX_PROTO_VERSION = 124;
    internal const int TLS1_2_VERSION = 0x0303;
    internal const int TLS1_3_VERSION = 0x0304;
    internal const ulong SSL_OP_LEGACY_SERVER_CONNECT = 1 << 2;
    internal const ulong SSL_OP_NO_TICKET = 1 << 14;
    internal const ulong SSL_OP_NO_RENEGOTIATION = 1 << 30;
    internal const int SSL_VERIFY_PEER = 1;
    internal const int SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 2;
    internal const int SSL_ERROR_WANT_READ = 2;

    [LibraryImport(Library)] internal static partial nint TLS_method();
    [LibraryImport(Library)] internal static partial nint SSL_CTX_new(nint method);
    [LibraryImport(Library)] internal static partial void SSL_CTX_free(nint context);
    [LibraryImport(Library)] internal static partial long SSL_CTX_ctrl(nint context, int command, long number, nint pointer);
    [LibraryImport(Library)] internal static partial ulong SSL_CTX_set_options(nint context, ulong options);
    [LibraryImport(Library)] internal static partial int SSL_CTX_set_num_tickets(nint context, nuint tickets);
    [LibraryImport(Library)] internal static partial int SSL_CTX_use_certificate_ASN1(nint context, int length, byte* certificate);
    [LibraryImport(Library)] internal static partial int SSL_CTX_use_PrivateKey(nint context, PkeyHandle key);
    [LibraryImport(Library)] internal static partial void SSL_CTX_set_verify(nint context, int mode, nint callback);
    [LibraryImport(Library)] internal static partial void SSL_CTX_set_cert_verify_callback(nint context, delegate* unmanaged[Cdecl]<nint, nint, int> callback, nint argument);
    [LibraryImport(Library)] internal static partial nint SSL_new(nint context);
    [LibraryImport(Library)] internal static partial void SSL_free(nint ssl);
    [LibraryImport(Library)] internal static partial void SSL_set_bio(nint ssl, nint read, nint write);
    [LibraryImport(Library)] internal static partial void SSL_set_accept_state(nint ssl);
    [LibraryImport(Library)] internal static partial void SSL_set_connect_state(nint ssl);
    [LibraryImport(Library)] internal static partial int SSL_do_handshake(nint ssl);
    [LibraryImport(Library)] internal static partial int SSL_get_error(nint ssl, int result);
    [LibraryImport(Library)] internal static partial int SSL_read(nint ssl, byte* into, int length);
    [LibraryImport(Library)] internal static partial int SSL_write(nint ssl, byte* from, int length);
    [LibraryImport(Library)] internal static partial int SSL_version(nint ssl);
    [LibraryImport(Library)] internal static partial nint SSL_get1_peer_certificate(nint ssl);
    [LibraryImport(Library)] internal static partial nint SSL_get_peer_cert_chain(nint ssl);
    [LibraryImport(Library)]
    internal static partial int SSL_export_keying_material(nint ssl, byte* into, nuint length, byte* label, nuint labelLength, byte* context, nuint contextLength, int useContext);

    // ----- certificates, of libcrypto
    [LibraryImport("libcrypto.so.3")] internal static partial nint d2i_X509(nint into, byte** from, long length);
    [LibraryImport("libcrypto.so.3")] internal static partial int i2d_X509(nint certificate, byte** into);
    [LibraryImport("libcrypto.so.3")] internal static partial void X509_free(nint certificate);
    [LibraryImport("libcrypto.so.3")] internal static partial int OPENSSL_sk_num(nint stack);
    [LibraryImport("libcrypto.so.3")] internal static partial nint OPENSSL_sk_value(nint stack, int index);
    [LibraryImport("libcrypto.so.3")] internal static partial ulong ERR_peek_last_error();
    [LibraryImport("libcrypto.so.3")] internal static partial nint ERR_reason_error_string(ulong error);
}
