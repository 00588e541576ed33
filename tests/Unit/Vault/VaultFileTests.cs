using System.Security.Cryptography;
using System.Text;
using Gateway.Host.Vault;
using Gateway.Policy.Journal;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Unit.Vault;

public sealed class VaultFileTests : IDisposable
{
    private static readonly Guid _boot = Guid.NewGuid();
    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-vault-").FullName;

    private string FilePath => Path.Combine(_folder, "vault");

    private string KeyPath => Path.Combine(_folder, "vault.key");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_written_is_read_back_after_reopening()
    {
        var handles = new List<KeyHandle>();
        using (var vault = Open())
        {
            for (var i = 0; i < 50; i++)
            {
                handles.Add(VaultFile.NewHandle());
                vault.Write(handles[i], SlotKind.Secret, Encoding.UTF8.GetBytes($"secret number {i}"));
            }
        }

        using var again = Open();
        Assert.False(again.IsNew);
        Assert.Equal(50, again.Slots().Count);
        for (var i = 0; i < 50; i++) Assert.Equal($"secret number {i}", Read(again, handles[i]));
    }

    [Fact]
    public void Content_grows_and_keeps_its_hot_state()
    {
        using var vault = Open();
        var handle = VaultFile.NewHandle();
        vault.Write(handle, SlotKind.ChildSa, "short"u8, hotLength: 256);
        SetHot(vault, handle, 17, 0x5a);
        var large = new byte[30_000];
        Random.Shared.NextBytes(large);
        vault.Write(handle, SlotKind.ChildSa, large);
        Assert.True(vault.TryRead(handle, out var content));
        using (content) Assert.True(content.Span.SequenceEqual(large));
        Assert.Equal(0x5a, GetHot(vault, handle, 17));
        Assert.Single(vault.Slots());
    }

    [Fact]
    public void What_was_let_go_comes_back_with_its_hot_state()
    {
        var vault = Open();
        var handle = VaultFile.NewHandle();
        vault.Write(handle, SlotKind.ChildSa, "kept"u8, hotLength: 256);
        SetHot(vault, handle, 17, 0x5a);
        vault.LetGo();
        Assert.True(vault.TryRead(handle, out var content));
        using (content) Assert.True(content.Span.SequenceEqual("kept"u8));
        Assert.Equal(0x5a, GetHot(vault, handle, 17));
        vault.Dispose();
        vault.LetGo();
    }

    [Fact]
    public void A_torn_write_leaves_the_content_before_it()
    {
        var handle = VaultFile.NewHandle();
        using (var vault = Open())
        {
            vault.Write(handle, SlotKind.IkeSa, "first"u8);
            vault.Write(handle, SlotKind.IkeSa, "other"u8);
        }

        // Damage the newer buffer (the second, B) as an interrupted store would leave it.
        var bytes = File.ReadAllBytes(FilePath);
        var slot = VaultFile.UnitLength;
        var buffer = BitConverter.ToInt32(bytes, slot + 24);
        bytes[slot + SlotHeader.Size + buffer] ^= 1;
        File.WriteAllBytes(FilePath, bytes);
        using var again = Open();
        Assert.Equal("first", Read(again, handle));
    }

    [Fact]
    public void A_shredded_slot_leaves_nothing_in_the_file()
    {
        var handle = VaultFile.NewHandle();
        using (var vault = Open())
        {
            vault.Write(handle, SlotKind.Secret, RandomNumberGenerator.GetBytes(100), synced: true);
            vault.Shred(handle);
            Assert.False(vault.TryRead(handle, out _));
            vault.Shred(handle);
        }

        Assert.All(File.ReadAllBytes(FilePath)[VaultFile.UnitLength..], b => Assert.Equal(0, b));
    }

    [Fact]
    public void What_is_shredded_soon_is_gone_at_once_and_synced_without_anybody_waiting()
    {
        var handles = Enumerable.Range(0, 100).Select(_ => VaultFile.NewHandle()).ToList();
        using (var vault = Open())
        {
            foreach (var handle in handles) vault.Write(handle, SlotKind.ChildSa, RandomNumberGenerator.GetBytes(64), hotLength: 640);
            var kept = VaultFile.NewHandle();
            vault.Write(kept, SlotKind.Secret, "kept"u8);
            vault.ShredSoon(handles);
            Assert.Equal([kept], vault.Slots().Select(s => s.Handle));
            // Their room is free for others.
            vault.Write(handles[0], SlotKind.Secret, "another"u8);
            Assert.Equal("kept", Read(vault, kept));
            vault.ShredSoon([kept, handles[0]]);
        }

        Assert.All(File.ReadAllBytes(FilePath)[VaultFile.UnitLength..], b => Assert.Equal(0, b));
    }

    [Fact]
    public void A_vault_whose_units_are_pages_is_used_as_it_is()
    {
        var handle = VaultFile.NewHandle();
        using (var old = VaultFile.OpenAs(FilePath, KeyEncryptionKey.Load(KeyPath, mayCreate: true), "gw1", _boot, 64, VaultHeader.VersionOfPages)) old.Write(handle, SlotKind.Secret, "an old one"u8);
        Assert.Equal(64 * VaultHeader.PageUnit, new FileInfo(FilePath).Length);
        using var again = Open();
        Assert.Equal("an old one", Read(again, handle));
        for (var i = 0; i < 62; i++) again.Write(VaultFile.NewHandle(), SlotKind.Secret, "x"u8);
        Assert.Throws<VaultException>(() => again.Write(VaultFile.NewHandle(), SlotKind.Secret, "x"u8));
    }

    [Fact]
    public void What_is_wrapped_is_plain_aes_256_gcm()
    {
        var raw = RandomNumberGenerator.GetBytes(KeyEncryptionKey.Length);
        File.WriteAllBytes(KeyPath, raw);
        File.SetUnixFileMode(KeyPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using var key = KeyEncryptionKey.Load(KeyPath, mayCreate: false);
        using var twin = new AesGcm(raw, KeyEncryptionKey.TagLength);
        for (var length = 0; length < 300; length += 37)
        {
            var (nonce, plain, bound) = (RandomNumberGenerator.GetBytes(12), RandomNumberGenerator.GetBytes(length), RandomNumberGenerator.GetBytes(41));
            var (cipher, tag, back) = (new byte[length], new byte[16], new byte[length]);
            key.Wrap(nonce, plain, cipher, tag, bound);
            twin.Decrypt(nonce, cipher, tag, back, bound);
            Assert.Equal(plain, back);
            Assert.True(key.TryUnwrap(nonce, cipher, tag, back, bound));
            Assert.Equal(plain, back);
            tag[3] ^= 1;
            Assert.False(key.TryUnwrap(nonce, cipher, tag, back, bound));
        }
    }

    [Fact]
    public void The_file_shows_no_secret()
    {
        using (var vault = Open()) vault.Write(VaultFile.NewHandle(), SlotKind.Secret, "a-canary-that-must-not-show"u8);
        Assert.Equal(-1, File.ReadAllBytes(FilePath).AsSpan().IndexOf("canary"u8));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(FilePath));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeyPath));
    }

    [Fact]
    public void Another_gateways_vault_or_another_key_is_refused()
    {
        Open().Dispose();
        Assert.Throws<VaultException>(() => VaultFile.Open(FilePath, KeyEncryptionKey.Load(KeyPath, false), "someone-else", _boot));
        File.Delete(KeyPath);
        Assert.Contains($"{KeyPath} is missing", Assert.Throws<VaultException>(() => KeyEncryptionKey.Load(KeyPath, mayCreate: false)).Message, StringComparison.Ordinal);
        Assert.Contains("another", Assert.Throws<VaultException>(() => Open()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_that_others_may_read_is_refused()
    {
        Open().Dispose();
        File.SetUnixFileMode(KeyPath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        Assert.Contains("0600", Assert.Throws<VaultException>(() => Open()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    public void A_key_of_another_length_is_refused(int length)
    {
        File.WriteAllBytes(KeyPath, new byte[length]);
        File.SetUnixFileMode(KeyPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Contains($"has {length} octets instead of 32", Assert.Throws<VaultException>(() => Open()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_that_cannot_be_made_is_told_and_leaves_nothing_behind()
    {
        File.WriteAllText(Path.Combine(_folder, "file"), "");
        var below = Path.Combine(_folder, "file", "vault.key");
        Assert.Contains($"{below} cannot be made", Assert.Throws<VaultException>(() => KeyEncryptionKey.Load(below, mayCreate: true)).Message, StringComparison.Ordinal);
        // Half a key of a start that was cut off is no key.
        File.WriteAllBytes(KeyPath + ".new", new byte[7]);
        Open().Dispose();
        Assert.Equal([FilePath, KeyPath], Directory.GetFiles(_folder, "vault*").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Octets_that_rot_anywhere_in_a_vault_give_no_wrong_content_and_no_crash()
    {
        var handles = Enumerable.Range(0, 10).Select(_ => VaultFile.NewHandle()).ToArray();
        using (var vault = Open())
            foreach (var (handle, i) in handles.Select((h, i) => (h, i))) vault.Write(handle, SlotKind.Secret, Encoding.UTF8.GetBytes($"secret number {i}"));
        var sound = File.ReadAllBytes(FilePath);
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        for (var round = 0; round < 300; round++)
        {
            var rotten = (byte[])sound.Clone();
            // Most of the file is a hole; what is there is the header and the slots.
            for (var i = random.Next(1, 4); i > 0; i--) rotten[random.Next(3) == 0 ? random.Next(256) : random.Next(12) * VaultFile.UnitLength + random.Next(400)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(FilePath, rotten);
            try
            {
                using var vault = Open();
                for (var i = 0; i < handles.Length; i++)
                {
                    if (!vault.TryRead(handles[i], out var content)) continue;
                    using (content) Assert.True(content.Span.SequenceEqual(Encoding.UTF8.GetBytes($"secret number {i}")), $"seed {seed}");
                }
            }
            catch (VaultException e)
            {
                Assert.Contains(FilePath, e.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void A_truncated_vault_is_refused()
    {
        Open().Dispose();
        using (var file = File.OpenWrite(FilePath)) file.SetLength(5 * VaultFile.UnitLength);
        Assert.Contains("truncated", Assert.Throws<VaultException>(() => Open()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_second_process_is_kept_out()
    {
        using var vault = Open();
        Assert.Throws<VaultException>(() => Open());
    }

    [Fact]
    public void A_full_vault_says_so_and_goes_on_when_there_is_room()
    {
        using var vault = Open(units: 8);
        var handles = Enumerable.Range(0, 7).Select(_ => VaultFile.NewHandle()).ToArray();
        foreach (var handle in handles) vault.Write(handle, SlotKind.Secret, "x"u8);
        Assert.Contains("full", Assert.Throws<VaultException>(() => vault.Write(VaultFile.NewHandle(), SlotKind.Secret, "x"u8)).Message, StringComparison.Ordinal);
        vault.Shred(handles[3]);
        vault.Write(VaultFile.NewHandle(), SlotKind.Secret, "x"u8);
    }

    [Fact]
    public void Random_writes_and_shreds_agree_with_a_dictionary()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        var twin = new Dictionary<KeyHandle, byte[]>();
        var vault = Open(units: 4096);
        try
        {
            for (var step = 0; step < 2000; step++)
            {
                var known = twin.Count > 0 ? twin.Keys.ElementAt(random.Next(twin.Count)) : KeyHandle.None;
                switch (random.Next(10))
                {
                    case < 4 when twin.Count < 40:
                        var handle = VaultFile.NewHandle();
                        vault.Write(handle, SlotKind.IkeSa, twin[handle] = Bytes(random), hotLength: 64);
                        break;
                    case < 8 when twin.Count > 0:
                        vault.Write(known, SlotKind.IkeSa, twin[known] = Bytes(random));
                        break;
                    case 8 when twin.Count > 0:
                        vault.Shred(known);
                        twin.Remove(known);
                        break;
                    default:
                        if (step % 50 != 0) break;
                        vault.Dispose();
                        vault = Open(units: 4096);
                        break;
                }
            }

            Assert.Equal(twin.Keys.ToHashSet(), vault.Slots().Select(s => s.Handle).ToHashSet());
            foreach (var (handle, bytes) in twin)
            {
                Assert.True(vault.TryRead(handle, out var content));
                using (content) Assert.True(content.Span.SequenceEqual(bytes), $"seed {seed}");
            }
        }
        finally
        {
            vault.Dispose();
        }
    }

    private static byte[] Bytes(Random random)
    {
        var bytes = new byte[random.Next(6000)];
        random.NextBytes(bytes);
        return bytes;
    }

    private static string Read(VaultFile vault, KeyHandle handle)
    {
        Assert.True(vault.TryRead(handle, out var content));
        using (content) return Encoding.UTF8.GetString(content.Span);
    }

    private static unsafe void SetHot(VaultFile vault, KeyHandle handle, int at, byte value) => vault.HotState(handle, out _)[at] = value;

    private static unsafe byte GetHot(VaultFile vault, KeyHandle handle, int at) => vault.HotState(handle, out _)[at];

    private VaultFile Open(int units = 1024) => VaultFile.Open(FilePath, KeyEncryptionKey.Load(KeyPath, mayCreate: true), "gw1", _boot, units);
}
