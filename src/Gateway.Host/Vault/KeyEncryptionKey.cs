using System.Security.Cryptography;
using Gateway.Crypto;
using Gateway.Crypto.Aead;

namespace Gateway.Host.Vault;

/// <summary>The 256-bit key that wraps everything in the vault: a 0600 file, made at the first start, or a systemd credential.</summary>
public sealed class KeyEncryptionKey : IDisposable
{
    /// <summary>Octets of the key.</summary>
    public const int Length = 32;

    internal const int NonceLength = 12;
    internal const int TagLength = 16;

    // In locked memory that no core dump shows, where the kernels for packets work from.
    private readonly AesGcmKey _key;

    private KeyEncryptionKey(Secret key)
    {
        using (key) _key = AesGcmKey.Create(key.Span);
    }

    /// <summary>
    /// Reads the key at <paramref name="path"/>. Without the file a new key is made, but only when <paramref name="mayCreate"/>: a vault that exists
    /// can only be opened with the key that made it.
    /// </summary>
    public static KeyEncryptionKey Load(string path, bool mayCreate)
    {
        if (!File.Exists(path))
        {
            if (!mayCreate) throw new VaultException($"The key-encryption key {path} is missing; without it nothing in the vault can be read. Put it back, or, to start over without the secrets, move the vault away.");
            Create(path);
        }

        try
        {
            return Read(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VaultException($"The key-encryption key {path} cannot be read: {e.Message}", e);
        }
    }

    private static KeyEncryptionKey Read(string path)
    {
        var mode = File.GetUnixFileMode(path);
        if ((mode & (UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite)) != 0)
            throw new VaultException($"The key-encryption key {path} is open to others (mode {Convert.ToString((int)mode, 8)}); it must be 0600.");
        using var file = File.OpenHandle(path);
        if (RandomAccess.GetLength(file) != Length) throw new VaultException($"The key-encryption key {path} has {RandomAccess.GetLength(file)} octets instead of {Length}.");
        var key = Secret.Allocate(Length, out var bytes);
        if (RandomAccess.Read(file, bytes, 0) == Length) return new KeyEncryptionKey(key);
        key.Dispose();
        throw new VaultException($"The key-encryption key {path} cannot be read.");
    }

    public void Dispose() => _key.Dispose();

    internal void Wrap(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plain, Span<byte> cipher, Span<byte> tag, ReadOnlySpan<byte> bound) =>
        AesGcmEngine.Encrypt(_key, nonce, bound, plain, cipher, tag);

    internal bool TryUnwrap(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> cipher, ReadOnlySpan<byte> tag, Span<byte> plain, ReadOnlySpan<byte> bound) =>
        AesGcmEngine.Decrypt(_key, nonce, bound, cipher, plain, tag);

    // Under its own name only when it is whole: a start that was cut off must not leave half a key.
    private static void Create(string path)
    {
        var fresh = path + ".new";
        var key = RandomNumberGenerator.GetBytes(Length);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            File.Delete(fresh);
            using (var file = new FileStream(fresh, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            {
                file.Write(key);
                file.Flush(flushToDisk: true);
            }

            File.Move(fresh, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VaultException($"The key-encryption key {path} cannot be made: {e.Message}", e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }
}

/// <summary>The vault cannot be used: what is wrong, without any secret.</summary>
public sealed class VaultException(string message, Exception? inner = null) : Exception(message, inner);
