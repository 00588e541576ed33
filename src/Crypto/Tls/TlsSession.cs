using System.Runtime.InteropServices;
using System.Text;
using Gateway.Crypto.Interop;
using Gateway.Crypto.Signatures;

namespace Gateway.Crypto.Tls;

/// <summary>Where a TLS handshake stands.</summary>
public enum TlsProgress
{
    /// <summary>It needs more from the peer.</summary>
    Going,
    Done,
    Failed,
}

/// <summary>
/// One side of a TLS 1.2 or 1.3 connection between two buffers: what comes from the peer is put in, what is for the peer is taken out.
/// Both sides must show a certificate. Whether the peer's is to be trusted is for the caller to judge once the handshake is done: libssl has
/// proved that the peer holds its key, and nothing more.
/// </summary>
public sealed unsafe class TlsSession : IDisposable
{
    private nint _context;
    private nint _ssl;
    private readonly nint _in;
    private readonly nint _out;

    /// <param name="chain">The own certificate in DER, then its issuers as far as the peer may need them; empty for a client without one.</param>
    /// <param name="highest">The highest version, 0x0303 or 0x0304; 0 = the highest there is.</param>
    public TlsSession(bool server, IReadOnlyList<ReadOnlyMemory<byte>> chain, PrivateKey? key, int highest = 0)
    {
        _context = LibSsl.SSL_CTX_new(LibSsl.TLS_method());
        LibCrypto.Check(_context == 0 ? 0 : 1, "set up TLS");
        // RFC 9190 §2.1, RFC 5216 as updated: nothing below TLS 1.2.
        _ = LibSsl.SSL_CTX_ctrl(_context, LibSsl.SSL_CTRL_SET_MIN_PROTO_VERSION, LibSsl.TLS1_2_VERSION, 0);
        if (highest != 0) _ = LibSsl.SSL_CTX_ctrl(_context, LibSsl.SSL_CTRL_SET_MAX_PROTO_VERSION, highest, 0);
        _ = LibSsl.SSL_CTX_ctrl(_context, LibSsl.SSL_CTRL_SET_SESS_CACHE_MODE, 0, 0);
        // strongSwan's TLS does not announce RFC 5746; without any renegotiation that is no danger.
        _ = LibSsl.SSL_CTX_set_options(_context, LibSsl.SSL_OP_NO_TICKET | LibSsl.SSL_OP_NO_RENEGOTIATION | LibSsl.SSL_OP_LEGACY_SERVER_CONNECT);
        _ = LibSsl.SSL_CTX_set_num_tickets(_context, 0);
        LibSsl.SSL_CTX_set_verify(_context, LibSsl.SSL_VERIFY_PEER | LibSsl.SSL_VERIFY_FAIL_IF_NO_PEER_CERT, 0);
        LibSsl.SSL_CTX_set_cert_verify_callback(_context, &JudgedLater, 0);
        if (key is not null && chain.Count > 0) Show(chain, key);
        _ssl = LibSsl.SSL_new(_context);
        LibCrypto.Check(_ssl == 0 ? 0 : 1, "set up TLS");
        (_in, _out) = (LibCrypto.BIO_new(LibCrypto.BIO_s_mem()), LibCrypto.BIO_new(LibCrypto.BIO_s_mem()));
        LibSsl.SSL_set_bio(_ssl, _in, _out);
        if (server) LibSsl.SSL_set_accept_state(_ssl);
        else LibSsl.SSL_set_connect_state(_ssl);
    }

    public bool IsTls13 => LibSsl.SSL_version(_ssl) == LibSsl.TLS1_3_VERSION;

    /// <summary>Why the handshake failed, in libssl's words.</summary>
    public string? Failure { get; private set; }

    /// <summary>Takes octets from the peer and goes on with the handshake.</summary>
    public TlsProgress Continue(ReadOnlySpan<byte> received)
    {
        Put(received);
        var result = LibSsl.SSL_do_handshake(_ssl);
        if (result == 1) return TlsProgress.Done;
        if (LibSsl.SSL_get_error(_ssl, result) == LibSsl.SSL_ERROR_WANT_READ) return TlsProgress.Going;
        Failure = Marshal.PtrToStringUTF8(LibSsl.ERR_reason_error_string(LibSsl.ERR_peek_last_error())) ?? "the handshake failed";
        LibCrypto.ERR_clear_error();
        return TlsProgress.Failed;
    }

    /// <summary>What is to be sent to the peer.</summary>
    public byte[] Drain()
    {
        var waiting = (int)LibCrypto.BIO_ctrl_pending(_out);
        var octets = new byte[waiting];
        fixed (byte* o = octets)
            if (waiting > 0) LibCrypto.Check(LibCrypto.BIO_read(_out, o, waiting), "read TLS records");
        return octets;
    }

    /// <summary>Sends application data after the handshake.</summary>
    public void Write(ReadOnlySpan<byte> data)
    {
        fixed (byte* d = data)
            LibCrypto.Check(LibSsl.SSL_write(_ssl, d, data.Length), "write TLS data");
    }

    /// <summary>Takes octets from the peer after the handshake; the application data in them, empty when there is none, null after an alert.</summary>
    public byte[]? Read(ReadOnlySpan<byte> received)
    {
        Put(received);
        Span<byte> data = stackalloc byte[256];
        int read;
        fixed (byte* d = data) read = LibSsl.SSL_read(_ssl, d, data.Length);
        if (read > 0) return data[..read].ToArray();
        var error = LibSsl.SSL_get_error(_ssl, read);
        LibCrypto.ERR_clear_error();
        return error == LibSsl.SSL_ERROR_WANT_READ ? [] : null;
    }

    /// <summary>The peer's certificates in DER, its own first.</summary>
    public IReadOnlyList<byte[]> PeerCertificates()
    {
        var found = new List<byte[]>();
        var own = LibSsl.SSL_get1_peer_certificate(_ssl);
        if (own == 0) return found;
        found.Add(Der(own));
        LibSsl.X509_free(own);
        var chain = LibSsl.SSL_get_peer_cert_chain(_ssl);
        for (var i = 0; chain != 0 && i < LibSsl.OPENSSL_sk_num(chain); i++)
            if (Der(LibSsl.OPENSSL_sk_value(chain, i)) is var der && !der.AsSpan().SequenceEqual(found[0])) found.Add(der);
        return found;
    }

    /// <summary>Keying material of the connection (RFC 5705, RFC 8446 §7.5).</summary>
    /// <param name="context">Null = none, which TLS 1.2 tells from an empty one.</param>
    public Secret Export(string label, byte[]? context, int length)
    {
        var secret = Secret.Allocate(length, out var into);
        var name = Encoding.ASCII.GetBytes(label);
        fixed (byte* i = into, n = name, c = context)
            LibCrypto.Check(LibSsl.SSL_export_keying_material(_ssl, i, (nuint)length, n, (nuint)name.Length, c, (nuint)(context?.Length ?? 0), context is null ? 0 : 1), "export a TLS key");
        return secret;
    }

    public void Dispose()
    {
        if (_ssl != 0) LibSsl.SSL_free(_ssl);
        if (_context != 0) LibSsl.SSL_CTX_free(_context);
        _ssl = _context = 0;
    }

    private void Show(IReadOnlyList<ReadOnlyMemory<byte>> chain, PrivateKey key)
    {
        fixed (byte* own = chain[0].Span)
            LibCrypto.Check(LibSsl.SSL_CTX_use_certificate_ASN1(_context, chain[0].Length, own), "use a certificate for TLS");
        LibCrypto.Check(LibSsl.SSL_CTX_use_PrivateKey(_context, key.Handle), "use a key for TLS");
        foreach (var issuer in chain.Skip(1))
        {
            fixed (byte* start = issuer.Span)
            {
                var at = start;
                var certificate = LibSsl.d2i_X509(0, &at, issuer.Length);
                // On success the context owns it.
                if (certificate != 0 && LibSsl.SSL_CTX_ctrl(_context, LibSsl.SSL_CTRL_EXTRA_CHAIN_CERT, 0, certificate) != 1) LibSsl.X509_free(certificate);
            }
        }
    }

    private void Put(ReadOnlySpan<byte> received)
    {
        if (received.IsEmpty) return;
        fixed (byte* r = received)
            LibCrypto.Check(LibCrypto.BIO_write(_in, r, received.Length), "take TLS records");
    }

    private static byte[] Der(nint certificate)
    {
        var length = LibSsl.i2d_X509(certificate, null);
        if (length <= 0) return [];
        var der = new byte[length];
        fixed (byte* start = der)
        {
            var at = start;
            _ = LibSsl.i2d_X509(certificate, &at);
        }

        return der;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static int JudgedLater(nint store, nint argument) => 1;
}
