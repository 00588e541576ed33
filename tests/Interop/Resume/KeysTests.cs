using System.Text.Json.Nodes;
using Gateway.Host.Vault;
using Gateway.Ike.Sa;
using Gateway.Interop.Lab;
using Gateway.Interop.Net;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Interop.Resume;

/// <summary>Keys of SAs: those that live are in locked memory which no core dump shows, those that died are nowhere.</summary>
public sealed class KeysTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Keys_of_dead_SAs_are_nowhere_and_those_of_living_ones_only_in_locked_memory(bool afterCrash) => Scene.Play(new LabCase(), Role.GatewayInitiates, scene =>
    {
        scene.ComesUp();
        if (afterCrash)
        {
            scene.Gateway.Vanish();
            scene.Gateway.StartAgain();
        }

        var old = Keys(scene);
        var (ike, child) = (scene.IkeSpis(), scene.ChildSpis());
        scene.Gateway.RekeyChild();
        Netns.Await(() => scene.ChildSpis() is var now && now != child && now != ("", ""), "the child is rekeyed");
        scene.Gateway.RekeyIke();
        Netns.Await(() => scene.IkeSpis() is var now && now != ike && now != ("", ""), "the IKE SA is rekeyed");
        scene.Carries();
        var live = Keys(scene);
        var dead = old.Where(k => !live.ContainsKey(k.Key)).ToDictionary();
        Assert.True(dead.Count >= 5 && live.Count >= 6, $"{dead.Count} dead keys and {live.Count} living ones");

        AssertInNoFile(Path.GetDirectoryName(scene.Gateway.In("vault"))!, dead.Concat(live).ToDictionary());
        foreach (var (mapping, at, name) in ProcessMemory.Find(scene.Gateway.Id, dead)) Assert.Fail($"the dead key {name} lies at {at:x} in {mapping}");
        var seen = new HashSet<string>();
        foreach (var (mapping, at, name) in ProcessMemory.Find(scene.Gateway.Id, live))
        {
            seen.Add(name);
            Assert.True(mapping.IsLeftOutOfDumps, $"the key {name} lies at {at:x} in {mapping}, which a core dump shows");
            Assert.True(mapping.IsLocked, $"the key {name} lies at {at:x} in {mapping}, which may be swapped out");
        }

        // The search finds what is there: the key-encryption key, and the IKE SA's own keys.
        Assert.Contains("kek", seen);
        Assert.Contains(seen, s => s.StartsWith("ike", StringComparison.Ordinal));
    });

    private static void AssertInNoFile(string folder, Dictionary<string, byte[]> keys)
    {
        var copy = Directory.CreateTempSubdirectory("gwfiles-").FullName;
        try
        {
            // Copied by a program that knows nothing of locks between processes.
            Shell.Must("sh", ["-c", $"cd {folder} && find . -type f ! -name '*.key' -exec cp --sparse=always --parents {{}} {copy} \\;"]);
            var files = Directory.GetFiles(copy, "*", SearchOption.AllDirectories);
            Assert.Contains(files, f => Path.GetFileName(f) == "vault");
            Assert.Contains(files, f => Path.GetFileName(f) == "journal.db");
            foreach (var file in files)
            {
                var bytes = File.ReadAllBytes(file).AsSpan();
                foreach (var (name, key) in keys) Assert.True(bytes.IndexOf(key) < 0, $"{name} lies in {Path.GetFileName(file)}");
            }
        }
        finally
        {
            Directory.Delete(copy, recursive: true);
        }
    }

    /// <summary>All keys in the vault, opened beside the gateway from a copy.</summary>
    private static Dictionary<string, byte[]> Keys(Scene scene)
    {
        var folder = Directory.CreateTempSubdirectory("gwkeys-").FullName;
        try
        {
            var copy = Path.Combine(folder, "vault");
            Shell.Must("cp", ["--sparse=always", scene.Gateway.In("vault"), copy]);
            var id = (string)JsonNode.Parse(File.ReadAllText(scene.Gateway.In("appliance.json")))!["id"]!;
            Assert.True(ConnectionCompiler.TryCompile(new ConnectionName(LabCase.Connection), new ConnectionSpec
            {
                LocalAddrs = [LabNet.LeftAddress],
                RemoteAddrs = [LabNet.RightAddress],
                Proposals = ["aes128gcm16-prfsha256-x25519"],
                Local = [new AuthenticationRound { Id = "left.lab" }],
                Remote = [new AuthenticationRound { Id = "right.lab" }],
                Children = new Dictionary<string, ChildSpec> { [LabCase.Child] = new ChildSpec { LocalTs = ["10.1.0.0/24"], RemoteTs = ["10.2.0.0/24"], EspProposals = ["aes128gcm16-x25519"] } },
            }, out var connection, out var error), error);
            var keys = new Dictionary<string, byte[]> { ["kek"] = File.ReadAllBytes(scene.Gateway.In("vault.key")) };
            using var kek = KeyEncryptionKey.Load(scene.Gateway.In("vault.key"), mayCreate: false);
            using var vault = VaultFile.Open(copy, kek, id, VaultFile.CurrentBootId());
            foreach (var (handle, kind) in vault.Slots())
            {
                if (kind is not (SlotKind.ChildSa or SlotKind.IkeSa)) continue;
                Assert.True(vault.TryRead(handle, out var content));
                using (content)
                {
                    if (kind == SlotKind.ChildSa)
                    {
                        // RFC 4106 §8.1: the AES key, then the salt.
                        keys[$"child {handle}"] = content.Span[..16].ToArray();
                        continue;
                    }

                    Assert.True(IkeSaSnapshot.TryDecode(content.Span, _ => connection, out var state, out error), error);
                    var sk = state.ChannelOrNull!.Keys;
                    foreach (var (name, key) in new[] { ("d", sk.D), ("ei", sk.Ei), ("er", sk.Er), ("pi", sk.Pi), ("pr", sk.Pr) })
                        keys[$"ike {handle} {name}"] = key.Span[..16].ToArray();
                    state.Release();
                }
            }

            return keys;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
