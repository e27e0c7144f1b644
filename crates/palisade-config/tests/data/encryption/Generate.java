import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Random;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.PBEParameterSpec;

/**
 * Encrypts texts with the JDK's own PBEWithHmacSHA512AndAES_256, laid out as Jasypt does: salt, IV, ciphertext.
 *
 * One JSON object a line: password, iterations, plaintext (base64) and the value. The seed is fixed.
 */
public final class Generate {
    public static void main(String[] arguments) throws Exception {
        Random random = new Random(7);
        String[] texts = {
            "", "x", "changeit", "sixteen bytes ok", "with spaces and = signs : # ! \\ ${not.a.placeholder}", "é€\uD83D\uDE00",
            "line one\nline two", "ENC(not again)", "a,b,c", "0123456789".repeat(40),
        };
        String[] passwords = {"p", "correct horse battery staple", "S3cr3t!~^"};
        int[] iterations = {1, 1000, 4096};
        for (String text : texts) {
            for (String password : passwords) {
                for (int count : iterations) {
                    System.out.println(line(random, text, password, count));
                }
            }
        }
    }

    private static String line(Random random, String text, String password, int iterations) throws Exception {
        byte[] salt = new byte[16];
        byte[] iv = new byte[16];
        random.nextBytes(salt);
        random.nextBytes(iv);
        String algorithm = "PBEWithHmacSHA512AndAES_256";
        SecretKey key = SecretKeyFactory.getInstance(algorithm).generateSecret(new PBEKeySpec(password.toCharArray()));
        Cipher cipher = Cipher.getInstance(algorithm);
        cipher.init(Cipher.ENCRYPT_MODE, key, new PBEParameterSpec(salt, iterations, new IvParameterSpec(iv)));
        byte[] secret = cipher.doFinal(text.getBytes(StandardCharsets.UTF_8));
        byte[] all = new byte[32 + secret.length];
        System.arraycopy(salt, 0, all, 0, 16);
        System.arraycopy(iv, 0, all, 16, 16);
        System.arraycopy(secret, 0, all, 32, secret.length);
        Base64.Encoder base64 = Base64.getEncoder();
        return "{\"password\":\"" + password + "\",\"iterations\":" + iterations + ",\"plaintext\":\""
            + base64.encodeToString(text.getBytes(StandardCharsets.UTF_8)) + "\",\"value\":\"ENC("
            + base64.encodeToString(all) + ")\"}";
    }
}
