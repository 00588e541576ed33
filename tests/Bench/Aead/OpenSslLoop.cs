using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Gateway.Bench.Aead;

/// <summary>
/// The contender <c>openssl</c>: what a C program would do with libcrypto's EVP interface. One loop in C, compiled here by the system's compiler;
/// the context keeps the key, and every packet sets only its IV. It is declared without headers, so no development package is needed.
/// </summary>
internal sealed unsafe class OpenSslLoop : IDisposable
{
    private const string Source = """
        typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX; typedef struct evp_cipher_st EVP_CIPHER; typedef struct engine_st ENGINE;
        extern EVP_CIPHER_CTX *EVP_CIPHER_CTX_new(void);
        extern void EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *);
        extern const EVP_CIPHER *EVP_aes_128_gcm(void), *EVP_aes_192_gcm(void), *EVP_aes_256_gcm(void);
        extern EVP_CIPHER *EVP_CIPHER_fetch(void *, const char *, const char *);
        extern int EVP_EncryptInit_ex(EVP_CIPHER_CTX *, const EVP_CIPHER *, ENGINE *, const unsigned char *, const unsigned char *);
        extern int EVP_EncryptUpdate(EVP_CIPHER_CTX *, unsigned char *, int *, const unsigned char *, int);
        extern int EVP_EncryptFinal_ex(EVP_CIPHER_CTX *, unsigned char *, int *);
        extern int EVP_DecryptInit_ex(EVP_CIPHER_CTX *, const EVP_CIPHER *, ENGINE *, const unsigned char *, const unsigned char *);
        extern int EVP_DecryptUpdate(EVP_CIPHER_CTX *, unsigned char *, int *, const unsigned char *, int);
        extern int EVP_DecryptFinal_ex(EVP_CIPHER_CTX *, unsigned char *, int *);
        extern int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *, int, int, void *);

        struct job { unsigned char *source, *destination, *tag; int length, aad_length; unsigned char aad[16], nonce[12]; int pad; };

        void *gw_open(const unsigned char *key, int bits, int encrypt)
        {
            EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
            EVP_CIPHER *cipher = EVP_CIPHER_fetch(0, bits == 128 ? "AES-128-GCM" : bits == 192 ? "AES-192-GCM" : "AES-256-GCM", 0);
            int ok = encrypt ? EVP_EncryptInit_ex(c, cipher, 0, key, 0) : EVP_DecryptInit_ex(c, cipher, 0, key, 0);
            return ok == 1 ? c : 0;
        }

        void gw_close(void *c) { EVP_CIPHER_CTX_free(c); }

        int gw_encrypt(EVP_CIPHER_CTX *c, struct job *jobs, int count, int times)
        {
            int n, ok = 1;
            while (times-- > 0)
                for (int i = 0; i < count; i++) {
                    struct job *j = jobs + i;
                    ok &= EVP_EncryptInit_ex(c, 0, 0, 0, j->nonce);
                    ok &= EVP_EncryptUpdate(c, 0, &n, j->aad, j->aad_length);
                    ok &= EVP_EncryptUpdate(c, j->destination, &n, j->source, j->length);
                    ok &= EVP_EncryptFinal_ex(c, j->destination + n, &n);
                    ok &= EVP_CIPHER_CTX_ctrl(c, 0x10, 16, j->tag);
                }
            return ok;
        }

        int gw_decrypt(EVP_CIPHER_CTX *c, struct job *jobs, int count, int times)
        {
            int n, ok = 1;
            while (times-- > 0)
                for (int i = 0; i < count; i++) {
                    struct job *j = jobs + i;
                    ok &= EVP_DecryptInit_ex(c, 0, 0, 0, j->nonce);
                    ok &= EVP_DecryptUpdate(c, 0, &n, j->aad, j->aad_length);
                    ok &= EVP_DecryptUpdate(c, j->destination, &n, j->source, j->length);
                    ok &= EVP_CIPHER_CTX_ctrl(c, 0x11, 16, j->tag);
                    ok &= EVP_DecryptFinal_ex(c, j->destination + n, &n);
                }
            return ok;
        }
        """;

    private static readonly Lazy<nint> Library = new(Compile);

    private readonly nint _context;
    private readonly delegate* unmanaged<nint, Job*, int, int, int> _loop;

    internal OpenSslLoop(ReadOnlySpan<byte> key, bool encrypt)
    {
        var open = (delegate* unmanaged<byte*, int, int, nint>)NativeLibrary.GetExport(Library.Value, "gw_open");
        fixed (byte* k = key) _context = open(k, key.Length * 8, encrypt ? 1 : 0);
        _loop = (delegate* unmanaged<nint, Job*, int, int, int>)NativeLibrary.GetExport(Library.Value, encrypt ? "gw_encrypt" : "gw_decrypt");
    }

    /// <summary>Whether the machine has a compiler and OpenSSL 3.</summary>
    internal static bool IsAvailable => Library.Value != 0;

    /// <summary>Runs all jobs so many times. A wrong tag is a fault of the benchmark.</summary>
    internal void Run(Job* jobs, int count, int times)
    {
        if (_loop(_context, jobs, count, times) != 1) throw new InvalidOperationException("OpenSSL refused a packet of the benchmark.");
    }

    public void Dispose() => ((delegate* unmanaged<nint, void>)NativeLibrary.GetExport(Library.Value, "gw_close"))(_context);

    private static nint Compile()
    {
        var folder = Directory.CreateTempSubdirectory("gateway-bench-").FullName;
        try
        {
            var source = Path.Combine(folder, "loop.c");
            var library = Path.Combine(folder, "loop.so");
            File.WriteAllText(source, Source);
            using var compiler = Process.Start(new ProcessStartInfo("cc", ["-O3", "-march=native", "-shared", "-fPIC", "-o", library, source, "-l:libcrypto.so.3"]));
            compiler!.WaitForExit();
            return compiler.ExitCode == 0 ? NativeLibrary.Load(library) : 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>One packet, as the C source lays it out.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Job
    {
        internal byte* Source, Destination, Tag;
        internal int Length, AadLength;
        internal fixed byte Aad[16];
        internal fixed byte Nonce[12];
        internal int Padding;
    }
}
